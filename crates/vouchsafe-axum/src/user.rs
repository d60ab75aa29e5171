//! The extractors of the person who is signed in.
use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, OriginalUri};
use http::request::Parts;
use vouchsafe_web::{Require, Visit};

use crate::failure::Failure;

/// Somebody who is signed in: the extractor for handlers inside a [`Site`](crate::Site). Its methods are those of
/// [`vouchsafe_web::User`] and of its [`Session`](vouchsafe_web::Session).
///
/// If nobody is signed in, a page goes to the sign-in and comes back, and a script gets 401. For a page that shows itself to others
/// too, take `Option<User>`.
///
/// ```no_run
/// use vouchsafe_axum::{Failure, User};
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

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(check(&Require::signed_in(), parts).await?))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Failure> {
        Ok(Visit::of(&parts.extensions)?.user().await?.map(Self))
    }
}

/// The person, if they meet the demands.
pub(crate) async fn check(
    require: &Require,
    parts: &mut Parts,
) -> Result<vouchsafe_web::User, vouchsafe_web::Failure> {
    let visit = Visit::of(&parts.extensions)?;
    // A nested router removes its own part of the path.
    let whole = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri.clone());
    let routed = whole.map(|whole| std::mem::replace(&mut parts.uri, whole));
    let checked = require.check(&visit, parts).await;
    if let Some(routed) = routed {
        parts.uri = routed;
    }
    checked
}
