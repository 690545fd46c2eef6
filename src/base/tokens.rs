//! An estimate of tokens where no server has counted them yet.
//!
//! It is a rule of thumb, not a tokenizer: close enough to plan a bill, and the same for the
//! planner and the stand-ins, so that a plan on the lab can be checked against what the lab counted.

/// Letters of one word that are taken as one token. Frequent English words of up to about seven
/// letters are one token in the byte-pair vocabularies in use; longer ones split.
const LETTERS_PER_TOKEN: usize = 7;
const DIGITS_PER_TOKEN: usize = 3;

/// Estimated tokens of `text`: a word is a token per seven letters begun, a number one per three
/// digits begun, any other visible character (punctuation, CJK) one each.
pub fn estimate(text: &str) -> u64 {
    let mut tokens = 0_usize;
    let mut letters = 0_usize;
    let mut digits = 0_usize;
    for c in text.chars() {
        let (is_letter, is_digit) = (c.is_alphabetic() && c < '\u{2e80}', c.is_ascii_digit());
        if !is_letter {
            tokens += letters.div_ceil(LETTERS_PER_TOKEN);
            letters = 0;
        }
        if !is_digit {
            tokens += digits.div_ceil(DIGITS_PER_TOKEN);
            digits = 0;
        }
        match (is_letter, is_digit) {
            (true, _) => letters += 1,
            (_, true) => digits += 1,
            _ if !c.is_whitespace() => tokens += 1,
            _ => {}
        }
    }
    (tokens + letters.div_ceil(LETTERS_PER_TOKEN) + digits.div_ceil(DIGITS_PER_TOKEN)) as u64
}

/// Frequent words, each one token by [`estimate`], from which synthetic text is made.
const WORDS: [&str; 64] = [
    "the", "time", "water", "people", "light", "river", "small", "house", "again", "paper",
    "green", "under", "story", "young", "night", "music", "often", "until", "quick", "plant",
    "happy", "table", "voice", "world", "point", "begin", "north", "watch", "glass", "bread",
    "cloud", "field", "heart", "learn", "money", "ocean", "price", "quiet", "round", "stone",
    "train", "visit", "wheel", "apple", "board", "chair", "dance", "earth", "fresh", "grand",
    "horse", "image", "judge", "knife", "large", "metal", "novel", "order", "plain", "reach",
    "sharp", "tower", "value", "write",
];

/// The `index`-th word of an endless supply, always one token by [`estimate`].
pub fn word(index: u64) -> &'static str {
    WORDS[(index % WORDS.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_signs_are_counted() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("hello, world"), 3);
        assert_eq!(estimate("internationalisation"), 3);
        assert_eq!(estimate("year 2026!"), 4);
        assert_eq!(estimate("東京"), 2);
    }

    #[test]
    fn each_synthetic_word_is_one_token() {
        assert!(WORDS.iter().all(|word| estimate(word) == 1));
    }
}
