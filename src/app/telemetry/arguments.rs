//! What the command line and the environment say of telemetry. Keys come from the environment alone.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use url::Url;

use super::push::{Destination, Kind};
use super::{Prepared, terminal};
use crate::app::Exit;
use crate::base::{HumanDuration, Secret};

/// The bearer token of remote write.
const TOKEN: &str = "TOLLGATE_REMOTE_WRITE_TOKEN";
/// The user and the password of remote write, with a colon between them.
const BASIC: &str = "TOLLGATE_REMOTE_WRITE_BASIC";
/// The headers of OTLP, as every exporter of OpenTelemetry reads them: `name=value,name=value`.
const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Who is told of the figures while a run goes on.
#[derive(Clone, Debug, Args)]
pub(in crate::app) struct TelemetryArgs {
    /// Let a Prometheus scrape the run's figures at this address while it goes on: 127.0.0.1:9464
    #[arg(long, value_name = "ADDR")]
    prometheus: Option<SocketAddr>,
    /// Keep that endpoint for so long after the run, for a last scrape: 15s
    #[arg(long, value_name = "TIME", requires = "prometheus", value_parser = duration)]
    prometheus_linger: Option<HumanDuration>,
    /// Send the run's figures to this URL by Prometheus remote write. A bearer token is read from
    /// `TOLLGATE_REMOTE_WRITE_TOKEN`, a user and a password from `TOLLGATE_REMOTE_WRITE_BASIC`
    #[arg(long, value_name = "URL", value_parser = remote_write)]
    remote_write: Option<Url>,
    /// Send the run's figures to this URL as OTLP metrics, if this is a build with the feature `otlp`. Headers
    /// are read from `OTEL_EXPORTER_OTLP_HEADERS`
    #[arg(long, value_name = "URL", value_parser = otlp)]
    otlp: Option<Url>,
}

impl TelemetryArgs {
    /// Takes the port and the keys; `None` where nothing is asked for. All that is wrong is told.
    pub(in crate::app) fn prepare(&self) -> Result<Option<Prepared>, Exit> {
        let mut problems = Vec::new();
        let listener = self.prometheus.map(listen).transpose();
        let listener = listener.unwrap_or_else(|problem| {
            problems.push((Exit::Preflight, problem));
            None
        });
        let mut destinations = Vec::new();
        let sends = [
            (self.remote_write.as_ref(), remote_write_to as fn(&Url) -> _),
            (self.otlp.as_ref(), otlp_to),
        ];
        for (url, destination) in sends {
            match url.map(destination).transpose() {
                Ok(destination) => destinations.extend(destination),
                Err(problem) => problems.push((Exit::Usage, problem)),
            }
        }
        for (_, problem) in &problems {
            terminal::error(problem);
        }
        if let Some((exit, _)) = problems.first() {
            return Err(*exit);
        }
        let linger = self.prometheus_linger.map_or(Duration::ZERO, |time| time.0);
        let wanted = listener.is_some() || !destinations.is_empty();
        Ok(wanted.then_some(Prepared {
            listener,
            destinations,
            linger,
        }))
    }
}

/// Takes the port, before anything is sent.
fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address);
    let listener = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        format!(
            "--prometheus can't listen at {address}: {error}\nhelp: end what listens there, or choose \
             another port; with port 0 one that is free is taken and told"
        )
    })
}

fn variable(name: &str) -> Option<Secret> {
    let value = std::env::var(name).ok()?;
    (!value.trim().is_empty()).then(|| Secret::new(value.trim()))
}

/// What a parser refuses is shown, and so this one is refused here.
fn no_password(url: &Url) -> Result<(), String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err("a password does not belong into a URL\nhelp: set it in the environment".to_owned())
}

fn remote_write_to(url: &Url) -> Result<Destination, String> {
    no_password(url)?;
    let mut destination = Destination::new(Kind::RemoteWrite, url);
    match (variable(TOKEN), variable(BASIC)) {
        (Some(_), Some(_)) => {
            return Err(format!(
                "{TOKEN} and {BASIC} are both set\nhelp: unset one of them"
            ));
        }
        (token, None) => destination.key = token,
        (None, Some(basic)) => {
            if !basic.expose().contains(':') {
                return Err(format!(
                    "{BASIC} has no colon\nhelp: write the user and the password as user:password"
                ));
            }
            let encoded = STANDARD.encode(basic.expose());
            let password = basic.expose().split_once(':').map(|(_, password)| password);
            destination.secrets.extend(password.map(Secret::new));
            destination.header("authorization", &format!("Basic {encoded}"));
        }
    }
    Ok(destination)
}

/// Where OTLP metrics go: to `/v1/metrics` below the URL, unless it says that itself.
fn otlp_to(url: &Url) -> Result<Destination, String> {
    no_password(url)?;
    let mut url = url.clone();
    if !url.path().ends_with("/v1/metrics") {
        let path = format!("{}/v1/metrics", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    let mut destination = Destination::new(Kind::Otlp, &url);
    let headers = std::env::var(OTLP_HEADERS).unwrap_or_default();
    for header in headers
        .split(',')
        .filter(|header| !header.trim().is_empty())
    {
        let parts = header.split_once('=');
        let parts = parts.map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = parts.filter(|(name, _)| is_header_name(name)) else {
            return Err(format!(
                "{OTLP_HEADERS} can't be read\nhelp: write it as name=value,name=value"
            ));
        };
        destination.header(name, value);
    }
    Ok(destination)
}

fn is_header_name(name: &str) -> bool {
    http::HeaderName::try_from(name).is_ok()
}

fn remote_write(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("write it as http://HOST/PATH or https://HOST/PATH".to_owned());
    }
    Ok(url)
}

fn otlp(text: &str) -> Result<Url, String> {
    if cfg!(feature = "otlp") {
        remote_write(text)
    } else {
        Err("this build has no OTLP: build tollgate with --features otlp".to_owned())
    }
}

fn duration(text: &str) -> Result<HumanDuration, String> {
    let parsed: Result<HumanDuration, _> = text.parse();
    parsed.map_err(|error| error.to_string().replace('\n', "; "))
}
