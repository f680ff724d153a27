//! `registers-with-tftp-server`: a phone without configuration tries the server it asked.

use crate::diagnosis::{Code, Confidence, Fix, FixKind, FixTarget, Outcome};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone got no usable configuration in this boot, and connects to port 2000 of its TFTP server's address.
    ///
    /// ## Evidence
    ///
    /// The requests without a file, and the connection.
    ///
    /// ## Explanation
    ///
    /// Without a configuration a phone knows no CallManager, and tries the TFTP server's own address: on early systems the
    /// two were one machine. So the connection is a symptom; the missing configuration is what to look for.
    ///
    /// ## Fix
    ///
    /// Find out why no configuration came: see `config-file-missing` and `tftp-no-answer` of the same phone.
    ///
    /// ## Not this
    ///
    /// A CallManager that serves its own files, and a phone whose configuration names it.
    ///
    /// ## References
    ///
    /// Unified CM Troubleshooting Guide, "Gateway Registration Failure" (there for gateways; phones were seen to do the same).
    static REGISTERS_WITH_TFTP_SERVER = {
        code: RegistersWithTftpServer,
        summary: "No usable configuration: the phone tries the TFTP server's address as its CallManager",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let mut configurations = files.iter().filter(|f| is_config_name(f.name.raw())).peekable();
    let nothing_came = configurations.peek().is_some()
        && configurations.all(|f| matches!(f.outcome(), Outcome::Missing | Outcome::Refused) || cx.is_unanswered(f));
    let Some(used) = cx.tftp_use().filter(|u| u.asked) else { return Vec::new() };
    let contact = cx.contacts().iter().find(|c| c.server == used.server && c.attempt.is_some());
    let Some(contact) = contact.filter(|_| nothing_came && !cx.is_registered()) else { return Vec::new() };
    let server = used.server;
    vec![Draft::from_evidence(Code::RegistersWithTftpServer, cx.confidence_from_absence(Confidence::Likely), vec![
            evidence(contact.seen_at(), format!("{} connects to {server} port {}", cx.label(), contact.port)),
            evidence(used.seen_at, format!("{server} was asked for files, and served no configuration")),
        ])
        .server(server)
        .fact("tftp_server", text(server))
        .title(format!("phones without configuration try TFTP server {server} as their CallManager"))
        .summary(format!(
                "{} got no configuration from {server} and tries to register with that address itself.",
                cx.label()
            ))
        .fix(Fix::new(FixKind::ServeConfiguration, FixTarget::TftpServer, format!("Let {server} serve the phones' configuration"))
                .step("See the finding on the missing configuration of the same phones: when it comes, the phone tries the CallManagers that it names.")
                .verify("The phone connects to the CallManager that its configuration names."))]
}
