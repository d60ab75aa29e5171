//! Runs a sandbox on port 9400 until it is interrupted: `cargo run -p vouchsafe-sandbox --example sandbox`

use vouchsafe_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    // A fixed port, so that the issuer in your application's settings stays the same.
    Sandbox::builder().port(9400).start().await?.wait().await
}
