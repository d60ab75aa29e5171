//! `vouchsafe sandbox` and `vouchsafe demo`: what runs on this machine until it is stopped.
use std::io;

use vouchsafe_sandbox::{Endpoint, Fault, Place, Sandbox};

use crate::args::SandboxArgs;
use crate::demo;
use crate::failure::Failure;
use crate::terminal::interrupt::Interrupt;
use crate::terminal::output::{Event, Output, Style};

pub(crate) async fn run(
    args: &SandboxArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let port = args.port;
    let sandbox = Sandbox::builder().port(port).start().await.map_err(|e| cannot_listen(port, &e))?;
    args.faults.iter().for_each(|fault| sandbox.fault(*fault));
    let issuer = sandbox.issuer();
    output.event(&Event::Listening { url: issuer });
    output.say(format!("A provider to sign in at runs on {}", output.paint(issuer, Style::Link)));
    output.tell("");
    let mut row = |label: &str, value: &str| {
        let label = output.paint(&format!("{label:<14}"), Style::Soft);
        output.tell(format!("  {label} {value}"));
    };
    row("issuer", issuer);
    row("client id", sandbox.client_id());
    row("client secret", sandbox.client_secret());
    row("public client", sandbox.public_client_id());
    row("redirect URI", "any on this machine, such as http://127.0.0.1:3000/callback");
    row("users", "alice (verified e-mail), bob (unverified e-mail), carol (none)");
    for fault in &args.faults {
        row("goes wrong", &format!("{}: {}", fault.name(), fault.description()));
    }
    output.tell("");
    output.tell("Sign in there from another terminal:");
    output.tell("");
    output.tell(format!("  vouchsafe login --issuer {issuer} --client-id {}", sandbox.public_client_id()));
    output.tell("");
    output.tell(format!("{STOP} Everybody can sign in as anybody; nothing is kept."));
    let stopped = interrupt.wait();
    stopped.await;
    sandbox.shutdown().await;
    Ok(())
}

/// What can go wrong, place by place.
pub(crate) fn list_faults(output: &mut Output) {
    let faults = Fault::all();
    let width = faults.iter().map(|fault| fault.name().len()).max().unwrap_or_default();
    let mut place = None;
    for fault in &faults {
        let (name, refusal) = (fault.name(), fault.refusal());
        output.event(&Event::Fault {
            name: &name,
            place: fault.place().title(),
            endpoint: fault.endpoint().map(Endpoint::name),
            description: fault.description(),
            step: refusal.map(|refusal| refusal.step.name()),
            kind: refusal.map(|refusal| refusal.kind),
            code: refusal.map(|refusal| refusal.code),
        });
        if place != Some((fault.place(), wire_end(fault))) {
            place = Some((fault.place(), wire_end(fault)));
            let at =
                wire_end(fault).map(|at| format!(", at the endpoint for {}", at.name())).unwrap_or_default();
            let title = format!("{}{at}", fault.place().title());
            output.tell(format!("\n{}", output.paint(&title, Style::Soft)));
        }
        let meets = match refusal {
            Some(refusal) => format!("{} {}", refusal.kind, refusal.code),
            None => "the login succeeds".to_owned(),
        };
        output.say(format!(
            "  {}  {}: {}",
            output.paint(&format!("{name:<width$}"), Style::Strong),
            fault.description(),
            output.paint(&meets, Style::Caution),
        ));
    }
}

/// The endpoint of what goes wrong on the wire.
fn wire_end(fault: &Fault) -> Option<Endpoint> {
    fault.endpoint().filter(|_| fault.place() == Place::Wire)
}

pub(crate) async fn demo(port: u16, output: &mut Output, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let ready = |url: &str| {
        output.event(&Event::Listening { url });
        output.say(format!("The demo runs. Open {}", output.paint(url, Style::Link)));
        output.tell(STOP);
    };
    tokio::select! {
        biased;
        () = interrupt.wait() => Ok(()),
        served = demo::serve(port, ready) => served.map_err(|e| cannot_listen(port, &e)),
    }
}

fn cannot_listen(port: u16, error: &io::Error) -> Failure {
    let message = match port {
        0 => format!("No server could be started on 127.0.0.1: {error}"),
        port => format!("No server could be started on port {port} of 127.0.0.1: {error}"),
    };
    let failure = Failure::local("port", message);
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => {
            failure.advise("Choose another port with --port, or leave it out for a free one.")
        }
        _ => failure,
    }
}

const STOP: &str = "Ctrl-C stops it.";
