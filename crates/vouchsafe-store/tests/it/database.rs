//! Databases in a server of the tests.
use std::time::{Duration, Instant};

use sqlx::Connection;

use crate::servers::{PATIENCE, Server};

impl Server {
    /// A new database in it.
    pub(crate) async fn database(&self, name: &str) -> String {
        let begin = Instant::now();
        let mut connection = loop {
            match sqlx::PgConnection::connect(&self.url("admin", "postgres")).await {
                Ok(connection) => break connection,
                Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut connection).await.unwrap();
        self.url("admin", name)
    }
}
