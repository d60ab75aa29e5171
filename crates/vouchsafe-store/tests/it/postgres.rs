//! The store in a PostgreSQL database.
use std::sync::{Arc, Mutex, Weak};

use sqlx::{Connection, PgConnection, PgPool};
use vouchsafe::error::StoreErrorKind;
use vouchsafe::vault::{Expected, Save, TokenStore};
use vouchsafe_store::PostgresStore;

use crate::servers::{PASSWORD, Server};
use crate::support::{all_succeed, count_up, eight_threads_race, keeps_the_contract, process, text, version};

/// One server for all tests that run at the same time.
fn server() -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(Server::postgres(&["-c", "fsync=off"])?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

async fn run(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_keeps_the_contract() {
    let Some(server) = server() else { return };
    let url = server.database("contract").await;
    keeps_the_contract(vouchsafe_store::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_the_application_keeps_the_contract() {
    let Some(server) = server() else { return };
    let pool = PgPool::connect(&server.database("pool").await).await.unwrap();
    keeps_the_contract(Arc::new(PostgresStore::from_pool(pool).await.unwrap())).await;
}

#[test]
fn eight_threads_that_race_for_one_lease_have_it_one_after_the_other() {
    let Some(server) = server() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(server.database("threads"));
    eight_threads_race(async || PostgresStore::open(&url).await);
}

#[test]
fn four_processes_open_a_new_database_at_once_and_lose_nothing() {
    let Some(server) = server() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(server.database("processes"));
    all_succeed((0..4).map(|_| process("postgres::counts_up_in_a_process", &url).spawn().unwrap()).collect());
    let record = runtime.block_on(async { PostgresStore::open(&url).await.unwrap().load("count").await });
    assert_eq!(record.unwrap().unwrap().data.expose(), "40");
}

#[tokio::test]
#[ignore = "run in processes of its own"]
async fn counts_up_in_a_process() {
    let store = PostgresStore::open(&text()).await.unwrap();
    let _ = store.save(Save::new("count", "0", Expected::Absent)).await.unwrap();
    count_up(&store, "count", 10).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let Some(server) = server() else { return };
    let url = server.database("newer").await;
    run(&url, "CREATE TABLE vouchsafe_store (schema integer); INSERT INTO vouchsafe_store VALUES (2)").await;
    let error = PostgresStore::open(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer, "{error}");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_user_without_the_right_to_make_tables_uses_those_of_the_sql_files() {
    let Some(server) = server() else { return };
    let url = server.database("plain").await;
    let plain = server.url("plain_user", "plain");
    run(&url, &format!("CREATE ROLE plain_user LOGIN PASSWORD '{PASSWORD}'")).await;
    let error = PostgresStore::open(&plain).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    run(&url, include_str!("../../migrations/postgres/0001_records.sql")).await;
    run(&url, "GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_user; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain_user").await;
    let store = PostgresStore::open(&plain).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
}

#[tokio::test]
async fn a_database_that_is_read_only_is_an_error_of_its_own() {
    let Some(server) = server() else { return };
    let url = server.database("read_only").await;
    PostgresStore::open(&url).await.unwrap();
    run(&url, "ALTER DATABASE read_only SET default_transaction_read_only = on").await;
    let store = PostgresStore::open(&url).await.unwrap();
    let error = store.save(Save::new("a", "b", Expected::Any)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error}");
    assert!(store.load("a").await.unwrap().is_none());
}

#[tokio::test]
async fn neither_errors_nor_debug_output_show_the_password() {
    let Some(server) = server() else { return };
    let url = server.database("password").await;
    let store = PostgresStore::open(&url).await.unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD), "{store:?}");
    let error = PostgresStore::open(&url.replace(PASSWORD, "hunter3")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter3"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_within_ten_seconds() {
    let Some(mut server) = Server::postgres(&["-c", "fsync=off"]) else { return };
    let url = server.database("away").await;
    let store = PostgresStore::open(&url).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    server.stop();
    let begin = std::time::Instant::now();
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(begin.elapsed().as_secs() < 10);
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_error() {
    let Some(server) = server() else { return };
    let url = server.database("closed").await;
    let store = PostgresStore::open(&url).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    run(&url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed' AND pid <> pg_backend_pid()").await;
    assert_eq!(store.load("a").await.unwrap().unwrap().data.expose(), "b");
}
