# Messages through the gateway's relay, as a user of Anthropic's SDK writes it.
import json
import os

import anthropic
from anthropic import Anthropic

base = f"{os.environ['BASE_URL']}/anthropic"
client = Anthropic(base_url=base, api_key=os.environ["RESPAN_API_KEY"], max_retries=0)
ask = {
    "model": "claude-lab",
    "max_tokens": 4,
    "system": "You are a test.",
    "messages": [{"role": "user", "content": "Hello, how are you?"}],
}
said = {}

message = client.messages.create(**ask, extra_body={"custom_identifier": "messages-whole"})
said["whole"] = {
    "text": message.content[0].text,
    "stop": message.stop_reason,
    "input": message.usage.input_tokens,
    "output": message.usage.output_tokens,
}

text, kinds = "", []
with client.messages.stream(**ask, extra_body={"custom_identifier": "messages-stream"}) as stream:
    for event in stream:
        kinds.append(event.type)
        if event.type == "content_block_delta":
            text += event.delta.text
    final = stream.get_final_message()
said["stream"] = {
    "text": text,
    "final": final.content[0].text,
    "stop": final.stop_reason,
    "input": final.usage.input_tokens,
    "output": final.usage.output_tokens,
    "kinds": kinds,
}

errors = {}
for name, key, body in [
    ("key", "sk-nobody", ask),
    ("model", client.api_key, {**ask, "model": "other"}),
]:
    try:
        other = Anthropic(base_url=base, api_key=key, max_retries=0)
        other.messages.create(**body)
    except anthropic.APIStatusError as error:
        errors[name] = [type(error).__name__, error.body]
said["errors"] = errors
print(json.dumps(said))
