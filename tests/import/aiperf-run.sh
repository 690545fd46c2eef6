#!/bin/sh
# The nightly bench.
aiperf profile \
  --model Qwen/Qwen3-0.6B --url localhost:8000 --endpoint-type chat --streaming \
  --api-key planted-flag-key -H "X-Team: search" \
  --concurrency 16 --request-count 200 --warmup-request-count 20 \
  --isl 512 --isl-stddev 40 --osl 128 --random-seed 7 \
  --goodput "time_to_first_token:400 request_latency:4000" \
  --extra-inputs temperature:0.2 --ui simple
