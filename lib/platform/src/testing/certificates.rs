//! An authority that is thrown away, and a certificate of it for this machine: made by `openssl`, trusted by nobody.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;
use tempfile::TempDir;

use super::{config, engines};

/// Files of an authority and of one server.
pub struct Certificates(TempDir);

impl Certificates {
    /// Makes them, if `openssl` is on this machine; where some engine has to be there, it has to be as well.
    pub async fn make() -> anyhow::Result<Option<Self>> {
        let Some(openssl) = config::program("MSHUB_TEST_OPENSSL", "openssl") else {
            engines::passed_over(
                "openssl, for engines behind TLS,",
                "apt-get install openssl",
                config::is_any_required(),
            )?;
            return Ok(None);
        };
        let made = Self(tempfile::tempdir()?);
        fs::write(made.file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")?;
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
        let authority =
            ["-x509", "-days", "1", "-subj", "/CN=an authority for tests", "-out", "authority.pem"];
        made.run(&openssl, [&["req"], &key[..], &["authority.key"], &authority].concat()).await?;
        let request = ["-subj", "/CN=localhost", "-out", "server.csr"];
        made.run(&openssl, [&["req"], &key[..], &["server.key"], &request].concat()).await?;
        let sign = "x509 -req -days 1 -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
                    -extfile names -out server.pem";
        made.run(&openssl, sign.split_whitespace().collect()).await?;
        Ok(Some(made))
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// The server's certificate, for `localhost` and 127.0.0.1.
    pub fn certificate(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.file("server.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn run<A: AsRef<OsStr>>(&self, openssl: &Path, arguments: Vec<A>) -> anyhow::Result<()> {
        let done =
            tokio::process::Command::new(openssl).args(arguments).current_dir(self.0.path()).output().await?;
        if !done.status.success() {
            bail!("openssl: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }
}
