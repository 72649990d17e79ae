//! Certificates for brokers and their clients, of authorities that last as long as a test.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// An authority, with a certificate of a server at 127.0.0.1 and of a client.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: TempDir,
}

impl Authority {
    /// An authority that nobody knows yet.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let write = |name: &str, text: String| {
            fs::write(directory.path().join(name), text).expect("the directory is ours");
        };
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the mill's authority");
        let key = KeyPair::generate().expect("there is entropy");
        write("ca.pem", params.self_signed(&key).expect("it is its own").pem());
        let issuer = Issuer::new(params, key);
        for (name, addresses) in [("server", vec!["127.0.0.1".to_owned()]), ("client", Vec::new())]
        {
            let mut params = CertificateParams::new(addresses).expect("it is an address");
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate().expect("there is entropy");
            let signed = params.signed_by(&key, &issuer).expect("the authority signs");
            write(&format!("{name}.pem"), signed.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { directory }
    }

    /// A file: `ca.pem`, or `server` and `client`, each with `.pem` and `.key`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its directory, for the configuration of a broker.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}
