# A call that was made elsewhere is logged with `requests`, and read back with Respan's own client.
import json
import os

import requests
from respan import RespanClient

base, key = os.environ["BASE_URL"], os.environ["RESPAN_API_KEY"]
url = f"{base}/request-logs/create/"
payload = {
    "model": "gpt-4o",
    "prompt_messages": [{"role": "user", "content": "Hello, how are you?"}],
    "completion_message": {"role": "assistant", "content": "I am well."},
    "customer_params": {"customer_identifier": "customer-1"},
    "prompt_tokens": 6,
    "completion_tokens": 4,
    "cost": 0.00025,
    "generation_time": 1.25,
    "ttft": 0.5,
    "custom_identifier": "logged-elsewhere",
    "metadata": {"language": "en"},
}
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
response = requests.post(url, headers=headers, json=payload, timeout=30)
said = {"status": response.status_code, "id": response.json()["unique_id"]}

respan = RespanClient(authorization=f"Bearer {key}", base_url=base.removesuffix("/api"))
filters = {"custom_identifier": {"operator": "", "value": ["logged-elsewhere"]}}
row = next(iter(respan.spans.list_spans(filters=filters)))
names = ["unique_id", "model", "cost", "latency", "time_to_first_token"]
said["listed"] = {name: row[name] for name in names}

logs = [{"model": "gpt-4o", "custom_identifier": f"bulk-{number}"} for number in range(5)]
told = respan.spans.bulk_create_spans(logs=logs)
said["bulk"] = [told.success_count, told.error_count]
pages = respan.spans.list_spans(page_size=2, sort_by="timestamp")
said["paged"] = [row["custom_identifier"] for row in pages]
summary = respan.spans.get_spans_summary()
said["summary"] = {"requests": summary.number_of_requests, "cost": summary.total_cost}
groups = respan.spans.request_logs_groups_filter(group_by="model")
said["groups"] = [[group.model, group.number_of_requests] for group in groups.results]
models = respan.models.list_models().models
said["models"] = [[model.model_name, model.input_cost, model.output_cost] for model in models]
said["purged"] = respan.caches.bulk_delete_cached_responses(all_=True).deleted_count
chat = respan.gateway.create_chat_completion(
    model="openai/gpt-lab",
    messages=[{"role": "user", "content": "Hello"}],
    custom_identifier="own-client",
    metadata={"from": "respan-api"},
)
said["chat"] = chat.choices[0].message.content
print(json.dumps(said))
