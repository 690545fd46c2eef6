//! What is packed is there: the container's sources, the package's files, and what the binary makes beside itself.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_assets_that_the_debian_package_takes_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let script = root().join("deploy/release/assets.sh");
    let made = Command::new("bash")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_tollgate"))
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let manifest = read("Cargo.toml");
    let (_, assets) = manifest.split_once("\nassets = [\n").unwrap();
    let mut seen = 0;
    for line in assets.lines().take_while(|line| *line != "]") {
        let source = line.split('"').nth(1).unwrap();
        if source == "target/release/tollgate" {
            continue;
        }
        let made = source.strip_prefix("target/assets/");
        let path = made.map_or_else(|| root().join(source), |made| folder.path().join(made));
        // A pattern stands for what is in its folder.
        let path = path
            .to_str()
            .unwrap()
            .split("/*")
            .next()
            .unwrap()
            .to_owned();
        let is_there = match fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => fs::metadata(&path).is_ok_and(|file| file.len() > 0),
        };
        assert!(is_there, "{source}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
    assert!(folder.path().join("man/tollgate-run.1").exists());
}

#[test]
fn the_container_copies_all_that_its_build_reads() {
    let recipe = read("deploy/container/Containerfile");
    let copied: Vec<&str> = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from"))
        .flat_map(|line| line.rsplit_once(' ').unwrap().0.split(' '))
        .collect();
    for source in &copied {
        assert!(root().join(source).exists(), "{source}");
    }
    // What the manifest names by path, and what the code takes in when it is compiled.
    let mut taken = ["Cargo.toml", "Cargo.lock", "benches/hot_path.rs"]
        .map(PathBuf::from)
        .to_vec();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                taken.extend(taken_in(
                    &folder,
                    &fs::read_to_string(&path).unwrap_or_default(),
                ));
            }
        }
    }
    assert!(taken.len() > 5, "{taken:?}");
    for source in taken {
        let is_copied = copied.iter().any(|copied| source.starts_with(copied));
        assert!(is_copied, "the container lacks {}", source.display());
    }
}

/// The files that a source takes in as texts, from the root.
fn taken_in(folder: &Path, source: &str) -> Vec<PathBuf> {
    let texts = source.split("include_str!(").skip(1);
    let parts = texts.chain(source.split("include_bytes!(").skip(1));
    let named = parts.filter_map(|part| part.strip_prefix('"')?.split('"').next());
    let paths = named.filter_map(|named| folder.join(named).canonicalize().ok());
    let root = root().canonicalize().unwrap();
    paths
        .map(|path| path.strip_prefix(&root).unwrap().to_owned())
        .collect()
}
