// OpenID Providers that vouchsafe's authors did not write: npm oidc-provider, with alice, in three forms.
//
//   basic    as most providers are
//   strict   FAPI 2.0: pushed requests and DPoP with nonces are required
//   tls      https, with client certificates. The same provider at `door` is for the browser, which has none
//
// It reads a line of JSON with public keys and certificates of its clients, takes free ports, prints READY and the issuers, and
// ends when its standard input does: with whoever started it.
import * as crypto from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import Provider from 'oidc-provider';

const alice = { email: 'alice@example.com', email_verified: true, name: 'Alice Liddell' };
const SECRET = 'web-secret-0123456789abcdef';
const LONG_SECRET = 'jwt-secret-0123456789abcdef0123456789abcdef';
const CIBA = 'urn:openid:params:grant-type:ciba';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const API = 'urn:vouchsafe:api';

// As native applications they may come back to any port of the loopback address (RFC 8252 section 7.3).
const client = (client_id, more) => ({
  client_id,
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  ...more,
});
const secret = (method, client_secret = SECRET) => ({ token_endpoint_auth_method: method, client_secret });
const machine = { redirect_uris: [], response_types: [] };

const own = (kid, type, options) => {
  const encoding = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  };
  const { privateKey } = crypto.generateKeyPairSync(type, { ...options, ...encoding });
  return { ...crypto.createPrivateKey(privateKey).export({ format: 'jwk' }), kid, use: 'sig' };
};

const clients = ({ keys, certificate }) => {
  const signs = (alg) => ({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...keys[alg], alg, use: 'sig' }] },
  });
  const encrypted = {
    ...secret('client_secret_basic'),
    jwks: { keys: [{ ...keys['RSA-OAEP-256'], alg: 'RSA-OAEP-256', use: 'enc' }, { ...keys['ECDH-ES'], alg: 'ECDH-ES', use: 'enc' }] },
    userinfo_signed_response_alg: 'ES256',
  };
  const fapi = { ...signs('ES256'), require_pushed_authorization_requests: true, dpop_bound_access_tokens: true, id_token_signed_response_alg: 'PS256' };
  const bound = { tls_client_certificate_bound_access_tokens: true };
  return {
    basic: [
      client('web', { ...secret('client_secret_basic'), backchannel_token_delivery_mode: 'poll', grant_types: ['authorization_code', 'refresh_token', CIBA] }),
      // Id and secret that have to be form-encoded before Basic (RFC 6749 section 2.3.1).
      client('web:odd/id', secret('client_secret_basic', 'p%ss+w rd:&=/~')),
      client('web-post', secret('client_secret_post')),
      client('native', { token_endpoint_auth_method: 'none' }),
      client('web-csjwt', secret('client_secret_jwt', LONG_SECRET)),
      ...['ES256', 'PS256', 'RS256', 'EdDSA'].map((alg) => client(`web-pkjwt-${alg}`, signs(alg))),
      client('web-par', { ...secret('client_secret_basic'), require_pushed_authorization_requests: true }),
      client('native-dpop', { token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true }),
      client('web-jar', { ...signs('ES256'), request_object_signing_alg: 'ES256', require_signed_request_object: true }),
      client('web-jarm', { ...secret('client_secret_basic'), authorization_signed_response_alg: 'ES256' }),
      client('web-rsa-oaep', { ...encrypted, id_token_encrypted_response_alg: 'RSA-OAEP-256', id_token_encrypted_response_enc: 'A256GCM', userinfo_encrypted_response_alg: 'ECDH-ES', userinfo_encrypted_response_enc: 'A128CBC-HS256' }),
      client('web-ecdh', { ...encrypted, id_token_encrypted_response_alg: 'ECDH-ES', id_token_encrypted_response_enc: 'A128CBC-HS256', userinfo_encrypted_response_alg: 'RSA-OAEP-256', userinfo_encrypted_response_enc: 'A256GCM' }),
      client('web-introspection', { ...secret('client_secret_basic'), introspection_signed_response_alg: 'RS256' }),
      client('device', { ...machine, token_endpoint_auth_method: 'none', grant_types: [DEVICE, 'refresh_token'] }),
      client('machine', { ...machine, ...signs('ES256'), grant_types: ['client_credentials'] }),
    ],
    strict: [
      client('fapi', fapi),
      client('fapi-signed', { ...fapi, request_object_signing_alg: 'ES256', require_signed_request_object: true, authorization_signed_response_alg: 'PS256' }),
    ],
    tls: [
      client('mtls', { ...bound, token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=vouchsafe-mtls' }),
      client('mtls-self', { ...bound, token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [certificate.selfSigned] } }),
      client('mtls-bound', { ...bound, ...secret('client_secret_basic') }),
    ],
  };
};

const jwks = {
  keys: [
    own('rsa', 'rsa', { modulusLength: 2048 }),
    own('ec', 'ec', { namedCurve: 'P-256' }),
    own('ed', 'ed25519', {}),
  ],
};
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'];

const configuration = (form, given, provider) => ({
  clients: clients(given)[form],
  jwks,
  scopes: ['openid', 'offline_access', 'profile', 'email', 'api:read', 'api:write'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // Claims that are asked for by scope come from userinfo, not in the ID token.
  conformIdTokenClaims: true,
  cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
  pkce: { required: () => true },
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none',
    ...(form === 'tls' ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []),
  ],
  enabledJWA: {
    clientAuthSigningAlgValues: algorithms,
    idTokenSigningAlgValues: form === 'strict' ? ['PS256', 'ES256', 'EdDSA'] : algorithms,
    authorizationSigningAlgValues: ['RS256', 'PS256', 'ES256'],
  },
  findAccount: (ctx, id) => (id === 'alice' ? { accountId: id, claims: () => ({ sub: id, ...alice }) } : undefined),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    ciba: {
      enabled: form === 'basic',
      deliveryModes: ['poll'],
      processLoginHint: (ctx, hint) => (hint === 'alice' ? hint : undefined),
      validateBindingMessage: () => {},
      validateRequestContext: () => {},
      verifyUserCode: () => {},
      // Stands in for the phone, on which alice allows everything.
      triggerAuthenticationDevice: async (ctx, request) => {
        const grant = new (provider().Grant)({ accountId: request.accountId, clientId: request.clientId });
        grant.addOIDCScope(request.scope);
        await grant.save();
        await provider().backchannelResult(request, grant);
      },
    },
    clientCredentials: { enabled: true },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, page) => { ctx.body = page; },
      userCodeConfirmSource: (ctx, page) => { ctx.body = page; },
      successSource: (ctx) => { ctx.body = 'done'; },
    },
    dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => form === 'strict' },
    encryption: { enabled: true },
    fapi: { enabled: form === 'strict', profile: '2.0' },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    mTLS: {
      enabled: form === 'tls',
      certificateBoundAccessTokens: form === 'tls',
      selfSignedTlsClientAuth: form === 'tls',
      tlsClientAuth: form === 'tls',
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate?.()?.toString(),
      certificateAuthorized: (ctx) => ctx.req.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => ctx.req.socket.getPeerX509Certificate().subject === expected,
    },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: form === 'strict' },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    requestObjects: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'api:read api:write', audience: API, accessTokenFormat: 'jwt' }),
    },
    revocation: { enabled: true },
  },
});

// The pages, without any HTML: what is asked is the word in the body.
async function interaction(provider, request, response, action) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (!action) {
    response.end(prompt.name);
  } else if (action === 'abort') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'Alice said no' });
  } else if (action === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
  } else {
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
    for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
    const result = { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
}

const listen = (server, host) => new Promise((done) => { server.listen(0, host, () => done(server.address().port)); });

async function start(form, given) {
  let provider;
  const answer = (request, response) => {
    const page = request.url.match(/^\/interaction\/[\w-]+(?:\/(login|consent|abort))?$/);
    if (!page) {
      provider.callback()(request, response);
      return;
    }
    interaction(provider, request, response, page[1]).catch((error) => {
      response.statusCode = 400;
      response.end(String(error.message));
    });
  };
  const door = `http://127.0.0.1:${await listen(http.createServer(answer), '127.0.0.1')}`;
  let issuer = door;
  if (form === 'tls') {
    const { key, cert, ca } = given.certificate;
    const server = https.createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: false }, answer);
    issuer = `https://localhost:${await listen(server, 'localhost')}`;
  }
  provider = new Provider(issuer, configuration(form, given, () => provider));
  if (process.env.LOUD) {
    for (const event of ['authorization.error', 'grant.error', 'pushed_authorization_request.error', 'userinfo.error', 'server_error', 'registration_create.error', 'backchannel_authentication.error']) {
      provider.on(event, (ctx, error) => console.error(form, event, error?.message, error?.error_description, error?.error_detail));
    }
  }
  return { issuer, door };
}

let line = '';
process.stdin.on('data', async (bytes) => {
  const waits = !line.includes('\n');
  line += bytes;
  if (waits && line.includes('\n')) {
    const given = JSON.parse(line);
    const started = {};
    for (const form of ['basic', 'strict', 'tls']) started[form] = await start(form, given);
    console.log(`READY ${JSON.stringify(started)}`);
  }
}).on('end', () => process.exit(0));
