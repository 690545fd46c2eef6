//! The order of modules in `src/lib.rs` is the import rule: a module may import only what is declared
//! above it.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(source_root().join("lib.rs")).unwrap();
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .filter_map(|rest| rest.split(';').next())
        .map(str::to_owned)
        .collect()
}

/// All source files below a path.
fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten() {
        files(&entry.unwrap().path(), found);
    }
}

/// The modules that a source text names through `crate::`.
fn imports(text: &str) -> Vec<String> {
    let name = |rest: &str| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1).map(name))
        .collect()
}

#[test]
fn a_module_imports_only_what_is_declared_above_it() {
    let modules = modules();
    assert!(modules.len() > 10, "lib.rs was not understood: {modules:?}");
    let order: BTreeMap<&str, usize> = modules
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), at))
        .collect();
    let mut broken = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        let mut found = Vec::new();
        for path in [
            source_root().join(module),
            source_root().join(format!("{module}.rs")),
        ] {
            files(&path, &mut found);
        }
        assert!(!found.is_empty(), "{module} has no file");
        // A module's tests may look further: at what is made of its results.
        for file in found.iter().filter(|file| !file.ends_with("tests.rs")) {
            for import in imports(&fs::read_to_string(file).unwrap()) {
                match order.get(import.as_str()) {
                    Some(target) if *target <= at => {}
                    _ => broken.push(format!("{} imports {import}", file.display())),
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "against the order of lib.rs:\n{}",
        broken.join("\n")
    );
}

#[test]
fn every_file_belongs_to_a_declared_module() {
    let modules = modules();
    for entry in fs::read_dir(source_root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        let known = ["lib", "main"].contains(&stem) || modules.iter().any(|module| module == stem);
        assert!(known, "src/{name} is in no `pub mod` line of lib.rs");
    }
}

#[test]
fn rooms_stay_small() {
    let mut found = Vec::new();
    files(&source_root(), &mut found);
    let large: Vec<String> = found
        .iter()
        .map(|file| (file, fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(large.is_empty(), "{}", large.join("\n"));
}
