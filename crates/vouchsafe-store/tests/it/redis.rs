//! The store in Redis.
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionManager;
use vouchsafe::error::StoreErrorKind;
use vouchsafe::vault::{Expected, Lease, LeaseRequest, Save, TokenStore};
use vouchsafe_store::RedisStore;

use crate::servers::{PASSWORD, Server};
use crate::support::{all_succeed, count_up, eight_threads_race, keeps_the_contract, process, text, version};

async fn manager(server: &Server) -> ConnectionManager {
    ConnectionManager::new(redis::Client::open(server.redis_url()).unwrap()).await.unwrap()
}

async fn command(server: &Server, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let _: redis::Value = command.query_async(&mut manager(server).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_the_contract() {
    let Some(server) = Server::redis(&[]) else { return };
    keeps_the_contract(vouchsafe_store::open(&server.redis_url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_application_keeps_the_contract() {
    let Some(server) = Server::redis(&[]) else { return };
    keeps_the_contract(Arc::new(RedisStore::from_manager(manager(&server).await).await.unwrap())).await;
}

#[test]
fn eight_threads_that_race_for_one_lease_have_it_one_after_the_other() {
    let Some(server) = Server::redis(&[]) else { return };
    let url = server.redis_url();
    eight_threads_race(async || RedisStore::open(&url).await);
}

#[test]
fn four_processes_lose_nothing() {
    let Some(server) = Server::redis(&[]) else { return };
    let url = server.redis_url();
    all_succeed((0..4).map(|_| process("redis::counts_up_in_a_process", &url).spawn().unwrap()).collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let record = runtime.block_on(async { RedisStore::open(&url).await.unwrap().load("count").await });
    assert_eq!(record.unwrap().unwrap().data.expose(), "40");
}

#[tokio::test]
#[ignore = "run in processes of its own"]
async fn counts_up_in_a_process() {
    let store = RedisStore::open(&text()).await.unwrap();
    let _ = store.save(Save::new("count", "0", Expected::Absent)).await.unwrap();
    count_up(&store, "count", 10).await;
}

#[tokio::test]
async fn a_list_of_more_records_than_a_script_reads_is_whole() {
    let Some(server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    for n in 0..1001 {
        version(&store, Save::new(&format!("k{n:04}"), "d", Expected::Absent)).await;
    }
    let listed = store.list("k", None, 2000).await.unwrap();
    assert_eq!(listed.len(), 1001);
    assert!(listed.is_sorted_by(|one, other| one.0 < other.0));
    assert_eq!(store.list("k", Some("k0100"), 800).await.unwrap().len(), 800);
}

#[tokio::test]
async fn a_server_that_evicts_any_key_is_refused() {
    let Some(server) = Server::redis(&["--maxmemory-policy", "allkeys-lru"]) else { return };
    let error = RedisStore::open(&server.redis_url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("allkeys-lru"), "{error}");
    command(&server, &["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    RedisStore::open(&server.redis_url()).await.unwrap();
}

#[tokio::test]
async fn in_a_full_memory_a_refresh_that_began_is_saved_and_no_other_begins() {
    let Some(server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    for key in ["a", "b"] {
        version(&store, Save::new(key, "old", Expected::Absent)).await;
    }
    let ask = LeaseRequest::new(Duration::from_secs(15));
    let Lease::Granted { fence, .. } = store.lease("a", ask).await.unwrap() else { panic!() };
    version(&store, Save::new("a", "begun", Expected::Any).under_lease(fence, 50_000)).await;
    command(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(store.lease("b", ask).await.unwrap_err().kind(), StoreErrorKind::Full);
    let begins = Save::new("a", "begun again", Expected::Any).under_lease(fence, 50_000);
    assert_eq!(store.save(begins).await.unwrap_err().kind(), StoreErrorKind::Full);
    let other = store.save(Save::new("c", "new", Expected::Any)).await.unwrap_err();
    assert_eq!(other.kind(), StoreErrorKind::Full, "{other}");
    let result = "r".repeat(50_000);
    version(&store, Save::new("a", &result, Expected::Any).under_lease(fence, 0)).await;
    assert_eq!(store.load("a").await.unwrap().unwrap().data.expose(), result);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let Some(server) = Server::redis(&[]) else { return };
    command(&server, &["SET", "{vouchsafe}:schema", "2"]).await;
    let error = RedisStore::open(&server.redis_url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer, "{error}");
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut manager(&server).await).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_replica_and_a_record_that_is_none_are_errors_of_their_own() {
    let Some(server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    command(&server, &["SET", "{vouchsafe}:record:a", "hunter4"]).await;
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupted, "{error}");
    command(&server, &["DEL", "{vouchsafe}:record:a"]).await;
    command(&server, &["HSET", "{vouchsafe}:record:a", "version", "hunter4", "data", "hunter4"]).await;
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupted, "{error}");
    assert!(!format!("{error:?}").contains("hunter4"), "{error:?}");
    command(&server, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = store.save(Save::new("b", "c", Expected::Any)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error}");
}

#[tokio::test]
async fn neither_errors_nor_debug_output_show_the_password() {
    let Some(server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    assert!(!format!("{store:?}").contains(PASSWORD), "{store:?}");
    let error = RedisStore::open(&server.redis_url().replace(PASSWORD, "hunter3")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter3"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_within_ten_seconds() {
    let Some(mut server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    server.stop();
    let begin = std::time::Instant::now();
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(begin.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_error_for_a_reader() {
    let Some(server) = Server::redis(&[]) else { return };
    let store = RedisStore::open(&server.redis_url()).await.unwrap();
    version(&store, Save::new("a", "b", Expected::Absent)).await;
    for _ in 0..3 {
        command(&server, &["CLIENT", "KILL", "TYPE", "normal"]).await;
        assert_eq!(store.load("a").await.unwrap().unwrap().data.expose(), "b");
    }
}
