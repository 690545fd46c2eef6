// The quick start as a user of the gateway writes it, with nothing changed but the address and the key.
import { createRequire } from "node:module";
const { OpenAI } = createRequire(process.env.SDK)("openai");

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.RESPAN_API_KEY,
  maxRetries: 0,
});
const messages = [{ role: "user", content: "Hello, how are you?" }];
const said = {};

for (const model of ["reducto/model-name", "openai/gpt-lab", "anthropic/claude-lab"]) {
  const response = await client.chat.completions.create({ model, messages });
  said[model] = {
    text: response.choices[0].message.content,
    tokens: response.usage.completion_tokens,
  };
}

let [text, chunks, usage] = ["", 0, null];
const stream = await client.chat.completions.create({
  model: "openai/gpt-lab",
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  const content = chunk.choices[0]?.delta?.content;
  if (content) {
    text += content;
    chunks += 1;
  }
  usage = chunk.usage ?? usage;
}
said.stream = { text, chunks, tokens: usage.completion_tokens };

const response = await client.chat.completions.create({
  model: "openai/gpt-lab",
  messages,
  customer_credentials: { openai: [{ weight: 1, credentials: { api_key: "sk-customer" } }] },
  custom_identifier: "node-customer",
  request_breakdown: true,
});
said.breakdown = response.request_breakdown;

await client.chat.completions.create({
  model: "openai/gpt-other",
  messages,
  customer_credentials: { openai: { api_key: "sk-customer" } },
  credential_override: { "openai/gpt-other": { api_key: "sk-override" } },
  custom_identifier: "node-override",
});

const answer = await client.responses.create({ model: "openai/gpt-lab", input: "Hello" });
said.response = { text: answer.output_text, tokens: answer.usage.output_tokens };

said.errors = {};
for (const [name, apiKey, model] of [
  ["key", "sk-nobody", "openai/gpt-lab"],
  ["model", client.apiKey, "gpt-lab"],
]) {
  try {
    const other = new OpenAI({ baseURL: client.baseURL, apiKey, maxRetries: 0 });
    await other.chat.completions.create({ model, messages });
  } catch (error) {
    said.errors[name] = [error.constructor.name, error.status];
  }
}
console.log(JSON.stringify(said));
