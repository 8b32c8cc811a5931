//! `mshub auth verify` and `mshub auth resend`.

use clap::Args;
use serde_json::json;

use crate::{error::CliError, global::Global};

/// Verify your address with the link or the code of the mail; works without being signed in
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub auth verify 'http://127.0.0.1:8000/verify?token=…'
  mshub auth verify WXRT-7K2P")]
pub struct VerifyArgs {
    /// The link of the mail, or its short code
    #[arg(value_name = "LINK|CODE")]
    pub link_or_code: Option<String>,
}

/// Ask for another verification mail
#[derive(Debug, Args)]
pub struct ResendArgs {
    /// The address to verify
    pub email: Option<String>,
    /// The same, for those who are used to it from `auth login`
    #[arg(long = "email", value_name = "EMAIL", conflicts_with = "email", hide = true)]
    pub email_option: Option<String>,
}

/// Verifies.
pub(super) async fn run(args: VerifyArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let given = global.prompt.text(args.link_or_code, "Link or code:", "LINK|CODE").await?;
    let me = hub.verify(&given).await?;
    global.out.result(&me, me.id, || {
        format!("{} is verified; sign in with: mshub auth login --email {}", me.email, me.email)
    })
}

/// Asks for another mail.
pub(super) async fn resend(args: ResendArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let email = global.prompt.text(args.email.or(args.email_option), "E-mail:", "EMAIL").await?;
    hub.resend(&email).await?;
    global.out.result(&json!({"email": email}), &email, || {
        format!("if {email} has an account that waits for verification, a mail is on its way")
    })
}
