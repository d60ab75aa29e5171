//! Saved logins on database servers, which the tests start where their programs are installed.
use super::Home;
use crate::saved::once::sixteen_shells;
use crate::servers::Server;

#[tokio::test]
async fn sixteen_shells_share_a_login_in_redis() {
    let Some(server) = Server::redis(&[]) else { return };
    sixteen_shells(Home::at(server.redis_url()).await).await;
}

#[tokio::test]
async fn sixteen_shells_share_a_login_in_postgresql() {
    let Some(server) = Server::postgres(&[]) else { return };
    sixteen_shells(Home::at(server.url("admin", "postgres")).await).await;
}
