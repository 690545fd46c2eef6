//! The lines of `samples.csv`, written by hand: there is one for each request, and the general way of
//! writing a [`super::Row`] costs several times what all its figures cost to record.

use std::io::Write;

use super::RunInfo;
use crate::base::{Money, Offset};
use crate::sample::{Metric, PricedBy, Sample};
use crate::wire::Connecting;

/// The names of the columns.
pub(super) const HEAD: &str = "id,arm,phase,warmup,recipe,stream,outcome,status,error,due_ms,\
queued_ms,reused,dns_ms,connect_ms,tls_ms,sent_ms,headers_ms,first_byte_ms,first_event_ms,\
first_token_ms,first_output_ms,last_token_ms,end_ms,e2e_ms,service_ms,lag_ms,ttft_ms,tpot_ms,\
token_chunks,coalesced_chunks,max_gap_ms,body_bytes,input_tokens,cached_input_tokens,output_tokens,\
reasoning_tokens,tokens_estimated,pages,cost_computed_usd,cost_reported_usd,good,finish_reason,model,\
request_id,retry_after_s,overhead_claimed_ms,provider,cache_status,attempts,\
priced_by,provider_by_model\n";

/// All pairs of digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Adds the line of a sample.
pub(super) fn push(out: &mut Vec<u8>, sample: &Sample, info: &RunInfo) {
    let mut line = Line(out);
    line.what(sample, info);
    line.instants(sample);
    line.times(sample);
    line.answer(sample);
    let end = line.0.len() - 1;
    line.0[end] = b'\n';
}

/// A line under way. Every field ends with a comma; the last of them becomes the end of the line.
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn what(&mut self, sample: &Sample, info: &RunInfo) {
        let exchange = &sample.exchange;
        digits(self.0, u64::from(sample.id.phase.0));
        self.0.push(b'-');
        self.int(Some(sample.id.number));
        let arm = info.arms.get(usize::from(sample.arm.0));
        self.text(Some(arm.map_or(&info.target.name, |arm| &arm.name)));
        let phase = info.phases.get(usize::from(sample.id.phase.0));
        self.text(phase.map(|phase| phase.name.as_str()));
        self.truth(Some(sample.warmup));
        let recipe = info.recipes.get(usize::from(sample.recipe.0));
        self.text(recipe.map(|recipe| recipe.name.as_str()));
        self.truth(Some(sample.stream));
        write!(self.0, "{},", exchange.outcome).expect("memory takes all that is written");
        self.int(exchange.status.map(u64::from));
        self.text(exchange.error.as_deref());
    }

    fn instants(&mut self, sample: &Sample) {
        let exchange = &sample.exchange;
        self.ms(Some(sample.due));
        self.ms(Some(sample.queued.into()));
        self.truth(exchange.reused);
        let phases = exchange.connecting.as_ref();
        let phases = phases.map(|Connecting { dns, connect, tls }| [*dns, *connect, *tls]);
        for k in 0..3 {
            self.ms(phases.map(|phases| phases[k].into()));
        }
        let marks = &exchange.marks;
        for mark in [
            marks.sent,
            marks.headers,
            marks.first_byte,
            marks.first_event,
            marks.first_token,
            marks.first_output,
            marks.last_token,
            marks.end,
        ] {
            self.ms(mark);
        }
    }

    fn times(&mut self, sample: &Sample) {
        for metric in [
            Metric::E2e,
            Metric::Service,
            Metric::Lag,
            Metric::Ttft,
            Metric::Tpot,
        ] {
            self.ms(sample.time(metric).map(Offset::from));
        }
    }

    fn answer(&mut self, sample: &Sample) {
        let exchange = &sample.exchange;
        self.int(Some(u64::from(exchange.token_chunks)));
        self.int(Some(u64::from(exchange.coalesced_chunks)));
        self.ms(exchange.gaps.longest().map(Offset::from));
        self.int(Some(exchange.body_bytes));
        let (usage, output) = (exchange.usage.as_ref(), sample.output_tokens());
        self.int(usage.map(|usage| usage.input_tokens));
        self.int(usage.map(|usage| usage.cached_input_tokens));
        self.int(output.map(|(tokens, _)| tokens));
        self.int(usage.map(|usage| usage.reasoning_tokens));
        self.truth(Some(output.is_some_and(|(_, estimated)| estimated)));
        self.int(usage.and_then(|usage| usage.pages));
        self.usd(sample.cost);
        self.usd(exchange.cost_reported);
        self.truth(Some(sample.good));
        self.text(exchange.finish.as_deref());
        self.text(exchange.model.as_deref());
        self.text(exchange.request_id.as_deref());
        if let Some(seconds) = exchange.retry_after {
            write!(self.0, "{seconds}").expect("memory takes all that is written");
        }
        self.0.push(b',');
        let told = &exchange.told;
        self.ms(told.overhead.map(Offset::from));
        self.text(told.provider.as_deref());
        self.text(told.cache_status.as_deref());
        self.int(told.attempts.map(u64::from));
        self.text(sample.bill.priced_by.map(PricedBy::name));
        self.text(sample.bill.provider.as_deref());
    }

    /// A text; in quotes where it holds what has a meaning in the file.
    fn text(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default().as_bytes();
        if text
            .iter()
            .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
        {
            self.0.push(b'"');
            for byte in text {
                self.0.extend_from_slice(if *byte == b'"' {
                    b"\"\""
                } else {
                    std::slice::from_ref(byte)
                });
            }
            self.0.push(b'"');
        } else {
            self.0.extend_from_slice(text);
        }
        self.0.push(b',');
    }

    fn truth(&mut self, truth: Option<bool>) {
        self.0.extend_from_slice(match truth {
            Some(true) => b"true,",
            Some(false) => b"false,",
            None => b",",
        });
    }

    fn int(&mut self, n: Option<u64>) {
        if let Some(n) = n {
            digits(self.0, n);
        }
        self.0.push(b',');
    }

    /// Milliseconds with all nanoseconds.
    fn ms(&mut self, at: Option<Offset>) {
        if let Some(at) = at {
            decimal::<6>(self.0, at.nanos());
        }
        self.0.push(b',');
    }

    /// Dollars with all nano-dollars.
    fn usd(&mut self, money: Option<Money>) {
        if let Some(money) = money {
            if money.nanos() < 0 {
                self.0.push(b'-');
            }
            decimal::<9>(self.0, money.nanos().unsigned_abs());
        }
        self.0.push(b',');
    }
}

/// `n / 10^PLACES` without zeros at its end, but for one that tells the column from one of whole numbers.
fn decimal<const PLACES: usize>(out: &mut Vec<u8>, n: u64) {
    let one = const { 10_u64.pow(PLACES as u32) };
    let mut buffer = [b'.'; 32];
    let (from, mut end) = (buffer.len() - PLACES, buffer.len());
    let mut rest = n % one;
    if PLACES % 2 == 1 {
        buffer[end - 1] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    for place in (0..PLACES / 2).rev().map(|pair| from + 2 * pair) {
        buffer[place..place + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    while end > from + 1 && buffer[end - 1] == b'0' {
        end -= 1;
    }
    let from = whole(&mut buffer, from - 1, n / one);
    out.extend_from_slice(&buffer[from..end]);
}

fn digits(out: &mut Vec<u8>, n: u64) {
    let mut buffer = [0; 32];
    let from = whole(&mut buffer, 32, n);
    out.extend_from_slice(&buffer[from..]);
}

/// Writes a whole number so that it ends at `end`, and tells where it begins.
fn whole(buffer: &mut [u8; 32], end: usize, mut n: u64) -> usize {
    let mut from = end;
    while n >= 10 {
        from -= 2;
        buffer[from..from + 2].copy_from_slice(&PAIRS[(n % 100) as usize]);
        n /= 100;
    }
    if n > 0 || from == end {
        from -= 1;
        buffer[from] = b'0' + n as u8;
    }
    from
}
