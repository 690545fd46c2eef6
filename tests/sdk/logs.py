# A call that was made elsewhere is logged with `requests`, and read back with Respan's own client.
import json
import os

import requests
from respan import RespanAPI

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

respan = RespanAPI(api_key=key, base_url=base.removesuffix("/api"))
listed = respan.spans.list_spans(
    filters={"custom_identifier": {"operator": "", "value": ["logged-elsewhere"]}}
)
row = listed.results[0] if not isinstance(listed.results[0], dict) else listed.results[0]
row = row if isinstance(row, dict) else row.model_dump()
said["listed"] = {name: row.get(name) for name in ["unique_id", "model", "cost", "latency", "time_to_first_token"]}
summary = respan.spans.get_spans_summary()
said["summary"] = {"requests": summary.number_of_requests, "cost": summary.total_cost}
print(json.dumps(said))
