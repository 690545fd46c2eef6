//! The trail of an answer whose words are numbered: what came, in which order, and when.
//!
//! A stand-in behind a gateway answers a marked request with its marker and then `0 1 2 3 `, a number a
//! token. Whatever the gateway does to the text in between (loses, swaps, joins, rewrites) shows here.

use crate::base::{Marker, Offset};

/// The most pieces of an answer that are kept; further ones are counted.
const MOST: usize = 4_096;
/// The longest word that may still be a number or a marker.
const LONGEST_WORD: usize = 64;

/// What came of an answer whose words are numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The marker that it began with.
    pub marker: Option<Marker>,
    /// The numbers, in the order in which they came.
    pub pieces: Vec<Piece>,
    /// Words that are neither a number nor the marker.
    pub foreign: u32,
    /// Pieces beyond those that are kept.
    pub unkept: u32,
    /// The word that has not ended yet.
    word: String,
}

/// Numbers that follow each other, of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When the event was read.
    pub at: Offset,
    /// The first number.
    pub first: u32,
    /// How many follow each other, the first included.
    pub count: u32,
    /// Whether the same event had the piece before it.
    pub joined: bool,
}

impl Trail {
    /// The text of an event came at `at`.
    pub(super) fn add(&mut self, text: &str, at: Offset) {
        let mut begun = false;
        for character in text.chars() {
            if character.is_whitespace() {
                self.end_word(at, &mut begun);
            } else if self.word.len() <= LONGEST_WORD {
                self.word.push(character);
            }
        }
    }

    /// The answer is over: a last word without a space behind it is one.
    pub(super) fn finish(&mut self, at: Offset) {
        self.end_word(at, &mut false);
        self.word = String::new();
    }

    fn end_word(&mut self, at: Offset, begun: &mut bool) {
        if self.word.is_empty() {
            return;
        }
        let plain = self.word.bytes().all(|byte| byte.is_ascii_digit());
        let number = self.word.parse().ok().filter(|_| plain);
        let marker = Marker::place(self.word.as_bytes());
        let marker = marker.filter(|(_, at)| *at == 0 && self.word.len() == Marker::LENGTH);
        self.word.clear();
        match (number, marker) {
            (Some(number), _) => self.number(number, at, begun),
            (None, Some((marker, _))) if self.marker.is_none() && self.pieces.is_empty() => {
                self.marker = Some(marker);
            }
            _ => self.foreign += 1,
        }
    }

    fn number(&mut self, number: u32, at: Offset, begun: &mut bool) {
        let joined = std::mem::replace(begun, true);
        if let Some(last) = self.pieces.last_mut().filter(|_| joined)
            && last.first.checked_add(last.count) == Some(number)
        {
            last.count += 1;
        } else if self.pieces.len() < MOST {
            self.pieces.push(Piece {
                at,
                first: number,
                count: 1,
                joined,
            });
        } else {
            self.unkept += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(events: &[&str]) -> Trail {
        let mut trail = Trail::default();
        for (at, event) in (1..).zip(events) {
            trail.add(event, Offset::from_nanos(at));
        }
        trail.finish(Offset::from_nanos(events.len() as u64));
        trail
    }

    fn numbers(trail: &Trail) -> Vec<(u64, u32, u32, bool)> {
        let pieces = trail.pieces.iter();
        pieces
            .map(|piece| (piece.at.nanos(), piece.first, piece.count, piece.joined))
            .collect()
    }

    #[test]
    fn each_event_is_a_piece_with_its_numbers() {
        let trail = trail(&["[[tg-00000000000000ff]] 0 ", "1 ", "2 3 4 ", "5"]);
        assert_eq!(trail.marker, Some(Marker(255)));
        let wanted = [
            (1, 0, 1, false),
            (2, 1, 1, false),
            (3, 2, 3, false),
            (4, 5, 1, false),
        ];
        assert_eq!(numbers(&trail), wanted);
        assert_eq!((trail.foreign, trail.unkept), (0, 0));
    }

    #[test]
    fn a_word_that_is_cut_in_two_is_one_word() {
        let trail = trail(&["[[tg-0000", "0000000000ff]] 1", "2 1", "3 "]);
        assert_eq!(trail.marker, Some(Marker(255)));
        assert_eq!(numbers(&trail), [(3, 12, 1, false), (4, 13, 1, false)]);
    }

    #[test]
    fn what_is_out_of_order_in_an_event_is_a_piece_of_its_own() {
        let trail = trail(&["0 2 1 ", "1 "]);
        let wanted = [
            (1, 0, 1, false),
            (1, 2, 1, true),
            (1, 1, 1, true),
            (2, 1, 1, false),
        ];
        assert_eq!(numbers(&trail), wanted);
        assert_eq!(trail.marker, None);
    }

    #[test]
    fn what_a_gateway_wrote_itself_is_foreign() {
        let trail = trail(&["Sure! 0 ", "1 +2 [[tg-00000000000000ff]] 99999999999 "]);
        assert_eq!((trail.marker, trail.foreign), (None, 4));
        assert_eq!(numbers(&trail), [(1, 0, 1, false), (2, 1, 1, false)]);
    }

    #[test]
    fn an_endless_word_and_an_endless_answer_stay_bounded() {
        let long = "x".repeat(100_000);
        let many: Vec<String> = (0..10_000).rev().map(|n| format!("{n} ")).collect();
        let many = many.concat();
        let trail = trail(&[&long, " ", &many]);
        assert_eq!(trail.foreign, 1);
        assert_eq!(
            (trail.pieces.len(), trail.unkept),
            (MOST, 10_000 - MOST as u32)
        );
    }
}
