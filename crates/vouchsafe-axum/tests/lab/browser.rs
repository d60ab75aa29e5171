//! A browser without a window: it keeps cookies, and follows nothing by itself.
use std::collections::BTreeMap;

use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::request::Builder;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A browser at the lab.
#[derive(Clone)]
pub(crate) struct Browser {
    url: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), cookies: BTreeMap::new() }
    }

    /// Goes on at another instance.
    pub(crate) fn moves_to(&mut self, url: &str) {
        url.clone_into(&mut self.url);
    }

    /// Opens a page in the window.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        self.send(navigation(Method::GET, self.local(path)), "").await
    }

    /// Fetches in a script of this site.
    pub(crate) async fn fetch(&mut self, path: &str) -> Page {
        self.send(script(Method::GET, self.local(path)), "").await
    }

    /// The JSON that a script gets.
    pub(crate) async fn json(&mut self, path: &str) -> Value {
        self.fetch(path).await.json()
    }

    /// Sends a form of this site in the window.
    pub(crate) async fn submit(&mut self, path: &str, form: &str) -> Page {
        let request = navigation(Method::POST, path).header(ORIGIN, &self.url);
        self.send(request, form).await
    }

    /// Sends a form by a script of this site.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Page {
        let request = script(Method::POST, path).header(ORIGIN, &self.url);
        self.send(request, form).await
    }

    /// Sends a request with the cookies, and keeps those of the response.
    pub(crate) async fn send(&mut self, request: Builder, form: &str) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let page = self.ask(request, form).await;
        self.take(&page);
        page
    }

    /// Sends a request with nothing but what it has.
    pub(crate) async fn ask(&self, request: Builder, form: &str) -> Page {
        let address = self.url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = request.body(form.to_owned()).unwrap();
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert(HeaderValue::from_str(address).unwrap());
        if !form.is_empty() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.entry(CONTENT_TYPE).or_insert(form);
        }
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        Page {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(text.into()).unwrap(),
        }
    }

    /// Keeps the cookies of a response.
    pub(crate) fn take(&mut self, page: &Page) {
        for header in page.headers.get_all(SET_COOKIE) {
            let (pair, attributes) = header.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The path of a URL of the lab.
    fn local<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(&self.url).unwrap_or(url)
    }

    /// The name and the value of the cookie of the session.
    pub(crate) fn session(&self) -> Option<(&str, &str)> {
        let cookie = self.cookies.iter().find(|(name, _)| name.contains("session"));
        cookie.map(|(name, value)| (&**name, &**value))
    }

    /// The names of the cookies of logins under way.
    pub(crate) fn logins(&self) -> Vec<String> {
        self.cookies.keys().filter(|name| !name.contains("session")).cloned().collect()
    }

    /// Who is signed in: the account, if somebody is.
    pub(crate) async fn account(&mut self) -> Option<String> {
        let page = self.fetch("/api/me").await;
        match page.status {
            200 => Some(page.json()["account"].as_str().unwrap().to_owned()),
            401 => None,
            other => panic!("{other}: {}", page.text),
        }
    }
}

/// A request of a window.
pub(crate) fn navigation(method: Method, path: &str) -> Builder {
    let request = Request::builder().method(method).uri(path).header(ACCEPT, "text/html");
    request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
}

/// A request of a script.
pub(crate) fn script(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("sec-fetch-mode", "cors").header(ACCEPT, "*/*")
}

/// A response.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where a redirect leads.
    pub(crate) fn location(&self) -> String {
        assert!((301..=308).contains(&self.status), "{}: {}", self.status, self.text);
        self.header(LOCATION.as_str()).unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text))
    }

    /// The code of an error for a script.
    pub(crate) fn code(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }

    /// The `Set-Cookie` headers.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }
}
