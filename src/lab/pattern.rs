//! Names with stars in them.

/// Whether `name` fits `pattern`, in which each `*` stands for any text, also none.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The earliest place of each middle part leaves the most for those after it.
    for part in middle.split('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = &name[at + part.len()..];
    }
    name.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_pattern_stands_for_any_text() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a"),
            ("a", "a"),
            ("parse-*", "parse-"),
            ("*-lab", "gpt-lab"),
            ("a*b*c", "a-b-b-c"),
            ("**a", "a"),
            ("*a*", "bab"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a", "ab"),
            ("a*a", "a"),
            ("a*b*c", "a-c"),
            ("", "a"),
            ("*ab*ba", "aba"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
