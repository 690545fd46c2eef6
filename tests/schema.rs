//! The shipped JSON Schema and the page made of it are what the code makes, and shipped scenarios keep to it.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::fs;
use std::path::{Path, PathBuf};

use tollgate::report;
use tollgate::scenario::{self, Overrides};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn shipped() -> Vec<PathBuf> {
    let entries = fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

/// Set `TOLLGATE_BLESS=1` to write the file anew after a change of the scenario types.
#[test]
fn the_schema_file_is_current() {
    let path = scenarios().join("scenario.schema.json");
    let made = serde_json::to_string_pretty(&scenario::schema()).unwrap() + "\n";
    let command = "tollgate schema > scenarios/scenario.schema.json";
    assert_current(&path, &made, command);
}

/// As above.
#[test]
fn the_page_of_all_keys_is_current() {
    let path = scenarios().join("../docs/scenario-reference.md");
    let made = report::reference(&scenario::schema());
    let command = "tollgate schema --markdown > docs/scenario-reference.md";
    assert_current(&path, &made, command);
}

fn assert_current(path: &Path, made: &str, command: &str) {
    if std::env::var_os("TOLLGATE_BLESS").is_some() {
        fs::write(path, made).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "{} is stale: {command}", path.display());
}

/// What the code knows and the schema says, the page says, too: no key and no word is left out.
#[test]
fn the_page_has_each_key_of_each_type() {
    let schema = scenario::schema();
    let page = report::reference(&schema);
    let types = schema["$defs"].as_object().unwrap();
    let mut keys = 0;
    for (name, part) in types {
        let (_, section) = page.split_once(&format!("\n## {name}\n")).expect(name);
        let section = section.split("\n## ").next().unwrap();
        let alternatives = part["oneOf"].as_array().into_iter().flatten();
        for part in alternatives.chain([part]) {
            let words = part["const"].as_str().into_iter();
            let named = part["properties"].as_object().into_iter();
            for key in named
                .flat_map(|map| map.keys().map(String::as_str))
                .chain(words)
            {
                assert!(section.contains(&format!("`{key}`")), "{name}: {key}");
                keys += 1;
            }
        }
    }
    assert!(keys > 200, "{keys}");
}

#[test]
fn every_shipped_scenario_says_first_what_it_answers_and_names_the_schema() {
    assert!(!shipped().is_empty());
    for path in shipped() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# ") && text.lines().next().unwrap().contains('?'),
            "{path:?}"
        );
        assert!(
            text.contains("# yaml-language-server: $schema=./scenario.schema.json"),
            "{path:?}"
        );
    }
}

#[test]
fn every_shipped_scenario_is_without_problems() {
    for path in shipped() {
        let loaded = scenario::load(&path, &|_| None, &[], &Overrides::default());
        if let Err(problems) = loaded {
            panic!("{}", scenario::render(&problems, false));
        }
    }
}

#[test]
fn json_is_read_by_the_same_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.json");
    let json = r#"{"name":"s","targets":{"lab":{"lab":{}}},
        "mix":[{"name":"a","chat":{"model":"openai/gpt-lab","prompt":{"text":"hi"}}}],
        "load":[{"name":"steady","constant":{"rate":"5/s","duration":"1s"}}]}"#;
    fs::write(&path, json).unwrap();
    let loaded = scenario::load(&path, &|_| None, &[], &Overrides::default()).unwrap();
    assert_eq!(loaded.recipes().len(), 1);
}
