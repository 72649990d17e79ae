//! `docker-compose.yml` and what it names, as far as that can be seen without a container engine.

use onspec::config;
use serde_yaml_ng::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn services() -> Vec<(String, Value)> {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_mapping().expect("services");
    services.iter().map(|(name, s)| (name.as_str().expect("a name").into(), s.clone())).collect()
}

#[test]
fn every_image_is_pinned_and_every_service_watched_and_on_loopback() {
    let names: Vec<String> = services().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["mosquitto", "influxdb", "grafana", "onspec", "mill"]);
    for (name, service) in services() {
        let image = service["image"].as_str().expect("an image");
        let (_, version) =
            image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no version"));
        let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        assert_eq!(numbers, 3, "{image} is not pinned");
        // Reached on loopback only: by a published port, or by what the server binds to.
        if let Some(ports) = service["ports"].as_sequence() {
            let on_loopback =
                |port: &Value| port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:"));
            assert!(!ports.is_empty() && ports.iter().all(on_loopback), "{name}");
            assert!(service["network_mode"].is_null(), "{name}");
        } else {
            assert_eq!(service["network_mode"], "host", "{name}");
        }
        assert!(service["restart"].is_string(), "{name}");
        assert!(service["privileged"].is_null(), "{name}");
        // The mill ends by itself; all others are watched.
        assert_eq!(service["healthcheck"].is_null(), name == "mill", "{name}");
    }
    assert!(read("config/mosquitto.conf").contains("\nlistener 1883 127.0.0.1\n"));
    let text = read("docker-compose.yml");
    assert!(text.contains("GF_SERVER_HTTP_ADDR: 127.0.0.1\n"));
}

#[test]
fn what_is_mounted_is_there_and_every_volume_is_declared() {
    let compose = yaml("docker-compose.yml");
    let declared: BTreeSet<&str> = compose["volumes"]
        .as_mapping()
        .expect("volumes")
        .keys()
        .filter_map(Value::as_str)
        .collect();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for mount in service["volumes"].as_sequence().into_iter().flatten() {
            let mount = mount.as_str().expect("a text");
            let source = mount.split(':').next().expect("a source").to_owned();
            if let Some(path) = source.strip_prefix("./") {
                assert!(root().join(path).exists(), "{name} mounts {path}");
                assert!(mount.ends_with(":ro"), "{name} may write into {path}");
            } else {
                used.insert(source);
            }
        }
        for other in service["depends_on"].as_mapping().into_iter().flat_map(|m| m.keys()) {
            let other = other.as_str().expect("a name");
            assert!(services().iter().any(|(known, _)| known == other), "{name} needs {other}");
        }
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), declared);
}

#[test]
fn no_secret_stands_in_the_files_and_all_agree_about_the_database() {
    let text = read("docker-compose.yml");
    for (_, service) in services() {
        for (name, value) in service["environment"].as_mapping().into_iter().flatten() {
            let (name, value) = (name.as_str().expect("a name"), value.as_str().expect("a text"));
            if ["TOKEN", "PASSWORD"].iter().any(|word| name.ends_with(word)) {
                assert!(value.starts_with("${") && value.contains(":?"), "{name} has a default");
            }
        }
    }
    let checked = config::load(&read("config/tissue.toml"), "tissue.toml").expect("it is checked");
    let influx = checked.influx.expect("it writes to InfluxDB");
    let source = yaml("config/grafana/provisioning/datasources/onspec.yml");
    let source = &source["datasources"][0];
    assert_eq!(source["url"], influx.url.as_str());
    assert_eq!(source["jsonData"]["organization"], influx.org.as_str());
    assert_eq!(source["jsonData"]["defaultBucket"], influx.bucket.as_str());
    assert_eq!(source["secureJsonData"]["token"], "$INFLUX_TOKEN");
    for (key, value) in [("ORG", &influx.org), ("BUCKET", &influx.bucket)] {
        assert!(text.contains(&format!("DOCKER_INFLUXDB_INIT_{key}: {value}\n")), "{key}");
    }
    let provider = yaml("config/grafana/provisioning/dashboards/onspec.yml");
    let path = provider["providers"][0]["options"]["path"].as_str().expect("a path");
    assert!(text.contains(&format!("./config/grafana/dashboards:{path}:ro")));
}

/// What the image is built from lies in the part of the repository that the build sees, and the tool
/// chain is the project's.
#[test]
fn the_image_is_built_from_what_is_there_and_runs_without_rights() {
    let dockerfile = read("config/Dockerfile");
    let ignore = read("config/Dockerfile.dockerignore");
    let seen: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut copied: Vec<PathBuf> = Vec::new();
    for line in
        dockerfile.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
    {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "{source}");
            assert!(seen.contains(source), "{source} is not seen by the build");
            copied.push(PathBuf::from(source));
        }
    }
    // Cargo wants every target that the manifest names, also those that are not built.
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).expect("a manifest");
    for bench in manifest["bench"].as_array().expect("benches") {
        let path = Path::new(bench["path"].as_str().expect("a path"));
        assert!(copied.iter().any(|copied| path.starts_with(copied)), "{}", path.display());
    }
    let tool_chain: toml::Value = toml::from_str(&read("rust-toolchain.toml")).expect("TOML");
    let channel = tool_chain["toolchain"]["channel"].as_str().expect("a version");
    assert!(dockerfile.contains(&format!("FROM rust:{channel}-")), "another tool chain");
    let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).expect("a user");
    assert!(user.parse::<u32>().is_ok_and(|uid| uid >= 1000), "{user}");
    let last_from = dockerfile.lines().rfind(|line| line.starts_with("FROM ")).expect("an image");
    assert!(last_from.contains("-slim"), "{last_from}");
    assert!(!dockerfile.contains("latest") && !read("docker-compose.yml").contains("latest"));
}

/// The ten lines of the README can be used as they stand there.
#[test]
fn the_configuration_of_the_readme_is_checked() {
    let readme = read("README.md");
    let blocks: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a block ends"))
        .collect();
    assert!(!blocks.is_empty(), "the README shows a configuration");
    for block in blocks {
        let checked = config::load(block, "README.md");
        assert!(checked.is_ok(), "{}\n{block}", checked.unwrap_err());
    }
}
