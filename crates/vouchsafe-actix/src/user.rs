//! The extractor of the person who is signed in.
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use vouchsafe_web::Require;

use crate::border::LocalFuture;
use crate::failure::Failure;
use crate::require::check;

/// Somebody who is signed in: the extractor for handlers inside a [`Site`](crate::Site). Its methods are those of
/// [`vouchsafe_web::User`] and of its [`Session`](vouchsafe_web::Session).
///
/// If nobody is signed in, a page goes to the sign-in and comes back, and a script gets 401. For a page that shows itself to others
/// too, take [`Visit::user`](vouchsafe_web::Visit::user). `Option<User>` works, but is `None` also if the store of the sessions is away.
///
/// ```no_run
/// use vouchsafe_actix::{Failure, User};
///
/// async fn repositories(user: User) -> Result<String, Failure> {
///     let token = user.token("github").await?;
///     // Send a request with `token.expose()`.
///     Ok(format!("Hello {}", user.name().unwrap_or("you")))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct User(pub vouchsafe_web::User);

impl Deref for User {
    type Target = vouchsafe_web::User;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for User {
    type Error = Failure;
    type Future = LocalFuture<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let checked = check(&Require::signed_in(), request);
        Box::pin(async { Ok(Self(checked.await?)) })
    }
}
