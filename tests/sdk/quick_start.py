# The quick start as a user of the gateway writes it, with nothing changed but the address and the key.
import base64
import json
import os

import openai
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["RESPAN_API_KEY"], max_retries=0)
messages = [{"role": "user", "content": "Hello, how are you?"}]
said = {}

for model in ["reducto/model-name", "openai/gpt-lab", "anthropic/claude-lab"]:
    response = client.chat.completions.create(model=model, messages=messages)
    said[model] = {
        "text": response.choices[0].message.content,
        "tokens": response.usage.completion_tokens,
    }

text, chunks, usage = "", 0, None
stream = client.chat.completions.create(
    model="openai/gpt-lab",
    messages=messages,
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        text += chunk.choices[0].delta.content
        chunks += 1
    usage = chunk.usage or usage
said["stream"] = {"text": text, "chunks": chunks, "tokens": usage.completion_tokens}

response = client.chat.completions.create(
    model="openai/gpt-lab",
    messages=messages,
    extra_body={
        "customer_credentials": {"openai": {"api_key": "sk-customer"}},
        "credential_override": {"openai/gpt-other": {"api_key": "sk-override"}},
        "custom_identifier": "python-customer",
        "request_breakdown": True,
    },
)
said["breakdown"] = response.model_extra["request_breakdown"]

client.chat.completions.create(
    model="openai/gpt-other",
    messages=messages,
    extra_body={
        "customer_credentials": {"openai": {"api_key": "sk-customer"}},
        "credential_override": {"openai/gpt-other": {"api_key": "sk-override"}},
        "custom_identifier": "python-override",
    },
)

# The odd last chunk of a stream must not hurt the SDK.
last = None
for chunk in client.chat.completions.create(
    model="openai/gpt-lab", messages=messages, stream=True, extra_body={"request_breakdown": True}
):
    last = chunk
said["last_chunk"] = last.id

params = base64.b64encode(json.dumps({"custom_identifier": "python-header"}).encode()).decode()
response = client.responses.create(
    model="openai/gpt-lab", input="Hello", extra_headers={"X-Data-Respan-Params": params}
)
said["response"] = {"text": response.output_text, "tokens": response.usage.output_tokens}
text = ""
with client.responses.stream(model="openai/gpt-lab", input="Hello") as events:
    for event in events:
        if event.type == "response.output_text.delta":
            text += event.delta
    said["response_stream"] = {"text": text, "final": events.get_final_response().output_text}

said["models"] = [model.id for model in client.models.list()]

errors = {}
for name, key, model in [("key", "sk-nobody", "openai/gpt-lab"), ("model", client.api_key, "gpt-lab")]:
    try:
        OpenAI(base_url=client.base_url, api_key=key, max_retries=0).chat.completions.create(
            model=model, messages=messages
        )
    except openai.APIStatusError as error:
        errors[name] = [type(error).__name__, error.body["detail"]]
said["errors"] = errors
print(json.dumps(said))
