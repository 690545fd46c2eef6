//! What a run takes of memory: a stream that waits for its next chunk, and rows that wait for the file.

use super::*;
use crate::base::Offset;
use crate::dialect::Say;
use crate::engine::ROWS_WAITING_LIMIT;
use crate::schedule::{self, Due};
use crate::sse::{Newline, encode_event};

/// A wire that reads 300 chunks of a stream, 10 to 30 ms apart, and then nothing more.
struct IdleWire;

impl Wire for IdleWire {
    async fn send(
        &self,
        shot: &Shot,
        _: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        reading.sent(Offset::ZERO);
        let header = |name: &str| (name == "content-type").then_some("text/event-stream");
        reading.head(200, header, Offset::ZERO);
        let mut at = Offset::ZERO;
        for k in 0..300_u64 {
            let chunk = shot.dialect.encode_chunk(&Say {
                id: "chatcmpl-1",
                model: "gpt-lab",
                content: "word",
                ..Say::default()
            });
            let mut event = Vec::new();
            encode_event(&mut event, None, &chunk, Newline::Lf);
            at = at + Duration::from_micros(10_000 + k * 7_919 % 20_000);
            reading.bytes(&event, at)?;
        }
        std::future::pending().await
    }
}

/// The bytes in use while so many streams idle.
fn in_use(streams: u32) -> u64 {
    let closed = Shape::Closed {
        concurrency: streams,
        think: None,
    };
    let mut phase = phase("idle", closed, None, Some(millis(1_000)));
    phase.bound.requests = Some(u64::from(streams));
    let plan = plan(vec![phase]);
    let mut used = 0;
    allocation_counter::measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let clock = Clock::start();
        let (sender, _events) = mpsc::unbounded_channel();
        let control = Control::default();
        let gauges = Arc::new(Gauges::default());
        let stop = control.stop.clone();
        let sink = Sink::new(&plan, 0, sender, Arc::clone(&gauges), stop);
        let team = Arc::new(Team::new(&plan, 1, clock));
        let share = Share { index: 0, of: 1 };
        let shots = Arc::new(Shots::new(&plan));
        let worker = Worker::new(shots, vec![IdleWire], team, share, control, sink);
        let measured = allocation_counter::measure(|| {
            runtime.block_on(async {
                tokio::spawn(worker.run());
                tokio::time::sleep(millis(500)).await;
            });
        });
        assert_eq!(gauges.in_flight(), u64::from(streams));
        used = measured.bytes_current as u64;
    });
    used
}

#[test]
fn an_idle_stream_takes_a_few_kilobytes() {
    let (few, many) = (in_use(100), in_use(500));
    let each = (many - few) / 400;
    assert!((1_000..8_000).contains(&each), "{each} bytes");
}

#[test]
fn rows_that_wait_for_a_slow_disk_end_the_run_before_memory_does_and_none_is_lost() {
    let users = Shape::Closed {
        concurrency: 1,
        think: None,
    };
    let plan = plan(vec![phase("users", users, Some(2), None)]);
    let (sender, mut events) = mpsc::unbounded_channel();
    let (gauges, control) = (Arc::new(Gauges::default()), Control::default());
    let stop = control.stop.clone();
    let sink = Sink::new(&plan, 0, sender, Arc::clone(&gauges), stop);
    let row = |number| {
        let arrival = schedule::arrival(&plan, PhaseId(0), number, Due::WhenReady);
        let (shot, end) = (crate::shot::build(&plan, &arrival), Offset::ZERO);
        let exchange = Reading::new(shot.dialect, shot.stream).finish(Ok(()), end);
        Sample::new(&plan, &arrival, end, Duration::ZERO, exchange)
    };
    gauges.wait_for_file(ROWS_WAITING_LIMIT - 1);
    sink.push(row(0));
    sink.flush(Offset::ZERO);
    assert!(!control.stop.is_cancelled(), "as many may wait as fit");
    sink.push(row(1));
    sink.finish();
    assert!(control.stop.is_cancelled());
    assert_eq!(gauges.most_rows_waiting(), ROWS_WAITING_LIMIT + 1);
    let mut rows = 0;
    while let Ok(event) = events.try_recv() {
        rows += event.rows();
    }
    assert_eq!(rows, 2);
}
