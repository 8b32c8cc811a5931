//! Questions to the person at the terminal, and secrets from files.

use std::io::{self, IsTerminal as _, Read as _};

use crate::{
    error::{CliError, Kind},
    output::Output,
};

/// A secret is a line; what is longer is the wrong file.
const LONGEST_SECRET: u64 = 16 * 1024;

/// Asks, where there is somebody to ask.
#[derive(Clone, Debug)]
pub struct Prompt {
    allowed: bool,
    out: Output,
}

impl Prompt {
    pub(crate) fn new(no_input: bool, out: Output) -> Self {
        let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { allowed: somebody && !no_input, out }
    }

    /// Whether somebody can be asked.
    pub fn is_possible(&self) -> bool {
        self.allowed
    }

    /// What was given, or else the answer to a question. `flag` is what to use where nobody can be asked.
    pub async fn text(&self, given: Option<String>, question: &str, flag: &str) -> Result<String, CliError> {
        if let Some(given) = given {
            return Ok(given);
        }
        self.somebody(flag)?;
        self.out.ask(question)?;
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|read| (read, line))
        });
        let (read, line) = finished(answer.await)?;
        if read == 0 {
            return Err(CliError::new(Kind::Interrupted, "no answer"));
        }
        Ok(line.trim().to_owned())
    }

    /// A secret from a file (`-` is standard input), or else asked for without showing it.
    pub async fn secret(&self, file: Option<&str>, question: &str, flag: &str) -> Result<String, CliError> {
        if let Some(file) = file {
            return secret_of(file).await;
        }
        self.somebody(flag)?;
        let question = format!("{question}: ");
        finished(tokio::task::spawn_blocking(move || rpassword::prompt_password(question)).await)
    }

    /// A new secret, asked for twice.
    pub async fn new_secret(
        &self,
        file: Option<&str>,
        question: &str,
        flag: &str,
    ) -> Result<String, CliError> {
        let secret = self.secret(file, question, flag).await?;
        if file.is_none() && secret != self.secret(None, "Again", flag).await? {
            return Err(CliError::usage("the two do not match"));
        }
        Ok(secret)
    }

    /// Yes or no; Enter means yes.
    pub async fn agree(&self, question: &str) -> Result<bool, CliError> {
        let answer = self.text(None, &format!("{question} [Y/n]"), "an answer").await?;
        Ok(matches!(answer.to_lowercase().as_str(), "" | "y" | "yes"))
    }

    fn somebody(&self, flag: &str) -> Result<(), CliError> {
        if self.allowed {
            return Ok(());
        }
        Err(CliError::usage(format!("{flag} is required where nobody can be asked")))
    }
}

fn finished<T>(asked: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, CliError> {
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(why)) if why.kind() == io::ErrorKind::Interrupted => {
            Err(CliError::new(Kind::Interrupted, "interrupted"))
        }
        Ok(Err(why)) => Err(CliError::io("cannot read the answer")(why)),
        Err(why) => Err(CliError::new(Kind::Other, why.to_string())),
    }
}

/// The first line of a file, without its end.
async fn secret_of(file: &str) -> Result<String, CliError> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        let source: Box<dyn io::Read> =
            if path == "-" { Box::new(io::stdin()) } else { Box::new(std::fs::File::open(&path)?) };
        source.take(LONGEST_SECRET).read_to_string(&mut text).map(|_| text)
    });
    let text = match read.await {
        Ok(read) => read.map_err(CliError::io(format!("cannot read the password from {file}")))?,
        Err(why) => return Err(CliError::new(Kind::Other, why.to_string())),
    };
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(CliError::usage(format!("the password in {file} is empty")));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_the_first_line_with_its_spaces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, " correct horse \r\nsecond\n").unwrap();

        assert_eq!(secret_of(path.to_str().unwrap()).await.unwrap(), " correct horse ");
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(secret_of(path.to_str().unwrap()).await.unwrap_err().kind, Kind::Usage);
        assert_eq!(secret_of("/nowhere/secret").await.unwrap_err().kind, Kind::LocalIo);
    }
}
