//! What a configuration names and a machine has to have: secrets, in the environment or in files,
//! certificates, the directory of the store. What is there is also tried, so that nothing is found to be
//! of no use only when a part has begun.

use super::error::{AppError, chain};
use crate::alarm::PermitKey;
use crate::config::Checked;
use crate::telemetry::{Secret, SecretSource};
use crate::{influx, mqtt, webhook};
use std::path::{Path, PathBuf};

/// Something that the configuration names and this machine does not have, or that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// What it is for, such as `influxdb.token`.
    pub key: String,
    /// Why it cannot be used.
    pub reason: String,
    /// As the configuration names it: a variable, a path.
    pub named: String,
}

impl Absent {
    /// What is not here, with its place in the configuration, whose text that is.
    #[must_use]
    pub fn told(&self, file: &Path, text: &str) -> String {
        let line = self.line(text).map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: `{}`: {}", file.display(), self.key, self.reason)
    }

    /// The line of the configuration's text that names it, from 1, if one does in these letters.
    #[must_use]
    pub fn line(&self, text: &str) -> Option<usize> {
        let quoted = [format!("\"{}\"", self.named), format!("'{}'", self.named)];
        let names = |line: &str| quoted.iter().any(|named| line.contains(named));
        text.lines().position(names).map(|before| before + 1)
    }
}

/// Everything that a configuration names and this machine does not have, or that is of no use, in one
/// list: whoever sets up a machine wants to mend it all at once.
#[must_use]
pub fn absent(checked: &Checked) -> Vec<Absent> {
    let mut found = Vec::new();
    if let Some(path) = &checked.store.path {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            found.push(Absent {
                key: "store.path".to_owned(),
                reason: format!("there is no directory `{}`: make it", directory.display()),
                named: path.display().to_string(),
            });
        }
    }
    for broker in &checked.brokers {
        let settings = &broker.settings;
        let of = mqtt::component(&settings.name);
        if let Some((_, Some(password))) = &settings.credentials {
            found.extend(absent_secret(&format!("{of}.password"), password, |_| Ok(())));
        }
        let Some(tls) = &settings.tls else { continue };
        let identity = tls.identity.as_ref();
        let (cert, key) = (identity.map(|(cert, _)| cert), identity.map(|(_, key)| key));
        let paths = [("ca", tls.ca.as_ref()), ("cert", cert), ("key", key)];
        let file = |(name, path): (&str, Option<&PathBuf>)| {
            path.and_then(|path| absent_file(format!("{of}.tls.{name}"), path))
        };
        let before = found.len();
        found.extend(paths.into_iter().filter_map(file));
        if found.len() == before
            && let Err(error) = mqtt::usable(settings)
        {
            let named = cert.or(tls.ca.as_ref());
            let named = named.map(|path| path.display().to_string()).unwrap_or_default();
            found.push(Absent { key: format!("{of}.tls"), reason: chain(&error), named });
        }
    }
    if let Some(influx) = &checked.influx {
        found.extend(absent_secret("influxdb.token", &influx.token, |token| {
            influx::usable(influx, token).map_err(|error| chain(&error))
        }));
    }
    if let Some(key) = checked.http.as_ref().and_then(|http| http.links.as_ref()) {
        found.extend(absent_secret(LINKS_KEY, key, |key| permit_key(key).map(drop)));
    }
    for hook in &checked.webhooks {
        let of = webhook::outbox_name(&hook.name);
        found.extend(absent_secret(&format!("{of}.url"), &hook.url, |url| {
            webhook::address(url, hook.private).map(drop).map_err(str::to_owned)
        }));
        found.extend(template(hook).err());
        found.extend(hook.secret.as_ref().and_then(|secret| {
            absent_secret(&format!("{of}.secret"), secret, |secret| {
                webhook::check_secret(hook.format, Some(secret))
            })
        }));
    }
    found
}

/// The name of the key that signs links.
const LINKS_KEY: &str = "http.links.key";

fn permit_key(key: &Secret) -> Result<PermitKey, String> {
    PermitKey::new(key.expose().trim().as_bytes()).map_err(|error| error.to_string())
}

/// The key that signs the links by which alarms are acknowledged; `None` where there are none.
///
/// # Errors
/// When it cannot be read, or is too short.
pub(super) fn permits(checked: &Checked) -> Result<Option<PermitKey>, AppError> {
    let source = checked.http.as_ref().and_then(|http| http.links.as_ref());
    let read = |source| {
        let key = permit_key(&resolve(LINKS_KEY, source)?);
        key.map_err(|reason| AppError::Secret { name: LINKS_KEY.to_owned(), reason })
    };
    source.map(read).transpose()
}

/// The template of a receiver with its text in it, read from its file where it is in one, and tried; `None` where the format
/// needs none.
///
/// # Errors
/// When the file cannot be read, or the template fails.
pub(super) fn template(hook: &webhook::Settings) -> Result<Option<webhook::Template>, Absent> {
    let Some(template) = &hook.template else { return Ok(None) };
    let path = match &template.source {
        webhook::TemplateSource::Text(_) => return Ok(Some(template.clone())),
        webhook::TemplateSource::File(path) => path,
    };
    let named = path.display().to_string();
    let absent = |reason: String| Absent {
        key: format!("{}.template_file", webhook::outbox_name(&hook.name)),
        reason,
        named: named.clone(),
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| absent(format!("cannot read `{named}`: {error}")))?;
    webhook::check_template(&text, &template.content_type)
        .map_err(|error| absent(error.to_string()))?;
    let content_type = template.content_type.clone();
    Ok(Some(webhook::Template { source: webhook::TemplateSource::Text(text), content_type }))
}

/// A secret that is not to be had, or with which `try_it` finds something wrong.
fn absent_secret(
    key: &str,
    source: &SecretSource,
    try_it: impl FnOnce(&Secret) -> Result<(), String>,
) -> Option<Absent> {
    let named = match source {
        SecretSource::Env(variable) => variable.clone(),
        SecretSource::File(path) => path.display().to_string(),
        SecretSource::Given(_) => return None,
    };
    match resolve(key, source) {
        Err(AppError::Secret { name, reason }) => Some(Absent { key: name, reason, named }),
        Err(_) => None,
        Ok(secret) => {
            let reason = try_it(&secret).err()?;
            Some(Absent { key: key.to_owned(), reason, named })
        }
    }
}

fn absent_file(key: String, path: &Path) -> Option<Absent> {
    let named = path.display().to_string();
    let error = std::fs::File::open(path).err()?;
    Some(Absent { key, reason: format!("cannot read `{named}`: {error}"), named })
}

/// Reads a secret; `name` says in an error what it is for.
///
/// # Errors
/// When the variable is not set, the file cannot be read, or the secret is empty.
pub fn resolve(name: &str, source: &SecretSource) -> Result<Secret, AppError> {
    let fail = |reason: String| AppError::Secret { name: name.to_owned(), reason };
    let text = match source {
        SecretSource::Env(variable) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the environment"
            )]
            let value = std::env::var(variable);
            value.map_err(|_| fail(format!("the environment has no variable `{variable}`")))?
        }
        SecretSource::File(path) => std::fs::read_to_string(path)
            .map_err(|error| fail(format!("cannot read `{}`: {error}", path.display())))?
            .trim()
            .to_owned(),
        SecretSource::Given(secret) => return Ok(secret.clone()),
    };
    if text.is_empty() { Err(fail("it is empty".into())) } else { Ok(Secret::new(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_not_here_is_named_at_once_with_its_line() {
        let text = r#"
[store]
path = "/no/such/directory/onspec.db"
[[mqtt]]
url = "mqtts://broker.mill"
username = "onspec"
password = { file = "/no/such/password" }
tls = { ca = "/no/such/ca.pem", cert = "/no/such/cert.pem", key = '/no/such/key.pem' }
[[mqtt.subscribe]]
topic = "mill/{line}/{area}/{tag}"
[influxdb]
url = "http://127.0.0.1:8086"
org = "mill"
bucket = "onspec"
token = { env = "ONSPEC_TEST_NO_SUCH_TOKEN" }
[[webhook]]
name = "leads"
url = { env = "ONSPEC_TEST_NO_SUCH_URL" }
secret = { file = "/no/such/secret" }
"#;
        let checked = crate::config::load(text, "mill.toml").unwrap();
        let found = absent(&checked);
        let places: Vec<(&str, Option<usize>)> =
            found.iter().map(|absent| (&*absent.key, absent.line(text))).collect();
        let expected = [
            ("store.path", 3),
            ("mqtt/mqtt.password", 7),
            ("mqtt/mqtt.tls.ca", 8),
            ("mqtt/mqtt.tls.cert", 8),
            ("mqtt/mqtt.tls.key", 8),
            ("influxdb.token", 15),
            ("webhook/leads.url", 18),
            ("webhook/leads.secret", 19),
        ];
        assert_eq!(places, expected.map(|(key, line)| (key, Some(line))));
        assert!(found[5].reason.contains("no variable `ONSPEC_TEST_NO_SUCH_TOKEN`"));
    }

    #[test]
    fn what_is_here_and_cannot_be_used_is_named_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let text = format!(
            r#"
[[mqtt]]
url = "mqtts://broker.mill"
tls = {{ ca = "{}" }}
[[mqtt.subscribe]]
topic = "mill/{{line}}/{{area}}/{{tag}}"
[influxdb]
url = "http://127.0.0.1:8086"
org = "mill"
bucket = "onspec"
token = {{ file = "{}" }}
[[webhook]]
name = "leads"
url = {{ file = "{}" }}
secret = {{ file = "{}" }}
[[webhook]]
name = "own"
url = {{ file = "{}" }}
format = "template"
template_file = "{}"
[[webhook]]
name = "cloud"
url = {{ file = "{}" }}
format = "slack"
[http]
public_url = "https://onspec.mill/"
links = {{ key = {{ file = "{}" }} }}
"#,
            file("ca.pem", "no certificate"),
            file("token", "two words"),
            file("url", "ftp://receiver.mill"),
            file("secret", "whsec_?"),
            file("own", "http://receiver.mill"),
            file("own.j2", "{\n  \"title\": {{ data.titel }} }"),
            file("cloud", "http://169.254.169.254/latest"),
            file("links.key", "fifteen bytes..\n"),
        );
        let checked = crate::config::load(&text, "mill.toml").unwrap();
        let found = absent(&checked);
        let expected = [
            ("mqtt/mqtt.tls", 4, "has no certificate: it wants PEM"),
            ("influxdb.token", 11, "has characters that no token has"),
            ("http.links.key", 27, "make one with `openssl rand -base64 32`"),
            ("webhook/leads.url", 14, "neither http nor https"),
            ("webhook/leads.secret", 15, "is no base64"),
            ("webhook/own.template_file", 20, "fails in its line 2 on `batch.at_risk`: undefined"),
            ("webhook/cloud.url", 23, "is link-local"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, (key, line, words)) in found.iter().zip(expected) {
            assert_eq!((&*found.key, found.line(&text)), (key, Some(line)));
            assert!(found.reason.contains(words), "{found:?}");
        }
    }
}
