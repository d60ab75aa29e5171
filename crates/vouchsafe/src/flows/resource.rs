//! Requests to APIs with an access token, whatever it is bound to.
use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Operation};
use crate::protocol::resource_request::ResourceRequest;
use crate::tokens::Tokens;
use crate::transport::{Request, Response};

impl Client {
    /// Sends a request to an API with the access token of these tokens. A token that is bound to a key gets its proof, and if the API asks
    /// for one with its nonce, the request is sent once more (RFC 9449 section 9); the certificate of the client is presented. Returns
    /// the response, whatever its status; redirects are refused.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = http::Request::get("https://api.bank.example/accounts").body(Vec::new())?;
    /// let accounts = client.call_api(&tokens, request).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// The API sees the token. Send it only to APIs that it is for, and never to a URL that a user gives.
    ///
    /// # Errors
    /// [`Error::Http`] if no response came, [`Error::Validation`] if the URL is not `https` or the API redirects,
    /// [`Error::Config`] if the tokens are bound to a key that this client does not have.
    pub async fn call_api(&self, tokens: &Tokens, request: Request) -> Result<Response, Error> {
        let call = self.begin_for(tokens);
        call.end(call.call_api(tokens, &request).await)
    }
}

impl Ongoing<'_> {
    async fn call_api(&self, tokens: &Tokens, request: &Request) -> Result<Response, Error> {
        self.server_of(tokens, Operation::Resource).await?;
        self.client.check_key_of(tokens)?;
        let endpoint =
            Endpoint::parse_for(&request.uri().to_string(), &self.sender().http.plain).map_err(|error| {
                Error::config(ConfigProblem::InvalidUrl, format!("the URL of the API {error}"))
            })?;
        let call = ResourceRequest { request, access_token: tokens.bearer(), is_bound: tokens.is_bound() };
        self.sender().send(&endpoint, None, &call).await
    }
}
