//! Certificates: what we trust, and who we are.

use super::TlsSettings;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read, or is no PEM.
    #[error("cannot read a certificate or key from `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A file without a certificate.
    #[error("`{}` has no certificate: it wants PEM, `-----BEGIN CERTIFICATE-----`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The system has no certificates.
    #[error("the system has no trusted certificates: install `ca-certificates`, or set `tls.ca`")]
    NoSystemCertificates,
    /// rustls does not take them.
    #[error("certificates and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// What the library needs for a connection with TLS. Reads files.
///
/// Names its own cryptography, so that it does not depend on what the process chose.
pub(super) fn client_config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca {
        for certificate in certificates(path)? {
            roots.add(certificate)?;
        }
    } else {
        // Some of a system's certificates may be odd; what matters is that some are good.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsError::NoSystemCertificates);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match &settings.identity {
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|source| TlsError::File { path: key.clone(), source })?;
            builder.with_client_auth_cert(chain, key)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| TlsError::File { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned() });
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: Option<&str>, expected: &str) {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let path = directory.path().join("ca.pem");
        if let Some(text) = text {
            std::fs::write(&path, text).expect("the directory is ours");
        }
        let settings = TlsSettings { ca: Some(path), identity: None };
        let error = client_config(&settings).expect_err("it is no certificate").to_string();
        assert_eq!(error.replace(&directory.path().display().to_string(), ""), expected);
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        check(None, "cannot read a certificate or key from `/ca.pem`");
        check(
            Some("nothing"),
            "`/ca.pem` has no certificate: it wants PEM, `-----BEGIN CERTIFICATE-----`",
        );
        check(
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "certificates and key cannot be used",
        );
    }
}
