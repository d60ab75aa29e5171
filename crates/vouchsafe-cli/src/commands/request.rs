//! `vouchsafe request`: one HTTP request with the token of a saved login.
use std::collections::BTreeMap;
use std::path::Path;

use http::{HeaderName, HeaderValue, Method, Request};
use url::Url;
use vouchsafe::http::{HttpClient, Limits, Response};
use vouchsafe::vault::Bearer;

use crate::args::ApiArgs;
use crate::failure::{Failure, Kind};
use crate::saved::{Need, SavedLogins};
use crate::system::Interrupt;
use crate::terminal::{Event, Output};
use crate::{setup, text};

pub(crate) async fn run(
    args: &ApiArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let named = &args.named;
    let mut request = request(args)?;
    let logins = interrupt.or(SavedLogins::open(&named.store, output)).await?;
    let work = async {
        let login = logins.login(named, Need::Client, output).await?;
        let url = Url::parse(&args.url).map_err(|e| invalid_url(&e.to_string()))?;
        if login.is_bound().await? {
            let sending = login.call_api(&request);
            return output.patiently(&args.url, named.http.timeout, sending).await;
        }
        let bearer = Bearer::new(login.source()?, [url.origin().ascii_serialization()])?;
        let client = setup::transport(setup::http(&named.http, output)?)?;
        let sending = async {
            let token = bearer.authorize(&mut request).await?;
            let response = send(&*client, request.clone(), args).await?;
            if token.is_some_and(|token| bearer.is_refused(&token, response.status(), response.headers())) {
                bearer.authorize(&mut request).await?;
                return send(&*client, request, args).await;
            }
            Ok(response)
        };
        output.patiently(&args.url, named.http.timeout, sending).await
    };
    let response = logins.finish(interrupt, work).await?;
    print(&response, output)
}

fn request(args: &ApiArgs) -> Result<Request<Vec<u8>>, Failure> {
    let usage = |message: String| Failure::usage("invalid_argument", message);
    let body = match args.data.as_deref() {
        None => Vec::new(),
        Some(data) => match data.strip_prefix('@') {
            Some(path) => setup::read("--data", Path::new(path))?,
            None => data.as_bytes().to_vec(),
        },
    };
    let usual = if args.data.is_some() { "POST" } else { "GET" };
    let method = args.method.as_deref().unwrap_or(usual);
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
        usage(format!("--request expects a method such as POST, and found {}", text::short(method, 60)))
    })?;
    let mut request = Request::builder()
        .method(method)
        .uri(&args.url)
        .body(body)
        .map_err(|e| invalid_url(&e.to_string()))?;
    for line in &args.headers {
        let header = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = header
            .ok_or_else(|| usage("--header expects NAME: VALUE, such as Accept: text/plain".to_owned()))?;
        request.headers_mut().append(name, value);
    }
    if args.data.is_some() && !request.headers().contains_key(http::header::CONTENT_TYPE) {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(http::header::CONTENT_TYPE, form);
    }
    Ok(request)
}

async fn send(
    client: &dyn HttpClient,
    request: Request<Vec<u8>>,
    args: &ApiArgs,
) -> Result<Response, Failure> {
    let mut limits = Limits::default();
    (limits.timeout, limits.body) = (args.named.http.timeout, MAX_BODY);
    client.send(request, limits).await.map_err(|e| Failure::new(Kind::Network, "connect", e.to_string()))
}

fn print(response: &Response, output: &mut Output) -> Result<(), Failure> {
    let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> =
        response.headers().iter().map(|(name, value)| (name.as_str(), shown(value))).collect();
    output.detail(response.status().to_string());
    headers.iter().for_each(|(name, value)| output.detail(format!("{name}: {value}")));
    let body = String::from_utf8_lossy(response.body());
    if output.is_json() {
        let status = response.status().as_u16();
        output.event(&Event::Response { status, headers: &headers, body: &body });
        return Ok(());
    }
    output.file(response.body())
}

fn invalid_url(why: &str) -> Failure {
    Failure::usage(
        "invalid_url",
        format!("This is not the URL of an API: {why}. Write it whole, beginning with https://"),
    )
}

/// The largest response.
const MAX_BODY: usize = 64 * 1024 * 1024;
