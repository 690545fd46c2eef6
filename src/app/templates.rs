//! The templates that the binary carries: shipped scenarios, each with the files that it names.

/// A scenario to begin with.
pub(super) struct Template {
    /// What it is called.
    pub(super) name: &'static str,
    /// The command that runs it.
    pub(super) command: &'static str,
    /// What has to be there before, where the lab alone won't do.
    pub(super) needs: Option<&'static str>,
    /// The scenario itself, and then what it names.
    pub(super) files: &'static [Shipped],
}

/// A file below `scenarios/`.
pub(super) struct Shipped {
    /// Its path from there.
    pub(super) path: &'static str,
    /// What it holds.
    pub(super) text: &'static str,
}

macro_rules! shipped {
    ($($path:literal),+) => {
        &[$(Shipped {
            path: $path,
            text: include_str!(concat!("../../scenarios/", $path)),
        }),+]
    };
}

/// All of them.
pub(super) const ALL: &[Template] = &[
    Template {
        name: "smoke",
        command: "run",
        needs: None,
        files: shipped!(
            "smoke.yaml",
            "prices/lab.yaml",
            "prompts/extract.jsonl",
            "prompts/long.jsonl"
        ),
    },
    Template {
        name: "providers",
        command: "compare",
        needs: None,
        files: shipped!(
            "providers.yaml",
            "lab/newer.yaml",
            "lab/present.yaml",
            "prices/lab.yaml",
            "prompts/long.jsonl"
        ),
    },
    Template {
        name: "gate",
        command: "run",
        needs: None,
        files: shipped!(
            "gate.yaml",
            "prices/lab.yaml",
            "prompts/chat.jsonl",
            "prompts/extract.jsonl"
        ),
    },
    #[cfg(unix)]
    Template {
        name: "overhead",
        command: "overhead",
        needs: Some(
            "a gateway to start: pip install respan-gateway==0.3.0, or --gateway with one that tollgate gateways lists; --gateway lab has its own",
        ),
        files: shipped!("overhead/streams.yaml"),
    },
    Template {
        name: "capacity",
        command: "run",
        needs: None,
        files: shipped!(
            "capacity.yaml",
            "lab/small-provider.yaml",
            "prices/lab.yaml"
        ),
    },
    Template {
        name: "chat-session",
        command: "run",
        needs: None,
        files: shipped!(
            "chat-session.yaml",
            "prices/lab.yaml",
            "prompts/sessions.jsonl"
        ),
    },
    Template {
        name: "cost-audit",
        command: "run",
        needs: None,
        files: shipped!(
            "cost-audit.yaml",
            "prices/lab.yaml",
            "prompts/chat.jsonl",
            "prompts/extract.jsonl"
        ),
    },
];

impl Template {
    /// The one of a name.
    pub(super) fn of_name(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|template| template.name == name)
    }

    /// What it answers.
    pub(super) fn answers(&self) -> &'static str {
        answers(self.files[0].text)
    }
}

/// What a scenario answers: its first line, where that is a comment.
pub(super) fn answers(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix('#').map_or("", str::trim)
}
