// An OpenID Provider that vouchsafe's authors did not write: npm oidc-provider, with alice and four clients.
//
// It takes a free port, prints READY and its issuer, and ends when its standard input does: with whoever started it.
import * as crypto from 'node:crypto';
import * as http from 'node:http';
import Provider from 'oidc-provider';

const alice = { email: 'alice@example.com', email_verified: true, name: 'Alice Liddell' };

// As native applications they may come back to any port of the loopback address (RFC 8252 section 7.3).
const client = (client_id, method, client_secret) => ({
  client_id,
  client_secret,
  token_endpoint_auth_method: method,
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
});

const privateJwk = () => {
  const encoding = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  };
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding });
  return { ...crypto.createPrivateKey(privateKey).export({ format: 'jwk' }), kid: 'key-1', use: 'sig' };
};

const configuration = {
  clients: [
    client('web', 'client_secret_basic', 'web-secret-0123456789abcdef'),
    // Id and secret that have to be form-encoded before Basic (RFC 6749 section 2.3.1).
    client('web:odd/id', 'client_secret_basic', 'p%ss+w rd:&=/~'),
    client('web-post', 'client_secret_post', 'web-secret-0123456789abcdef'),
    client('native', 'none'),
  ],
  jwks: { keys: [privateJwk()] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // Claims that are asked for by scope come from userinfo, not in the ID token.
  conformIdTokenClaims: true,
  cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
  pkce: { required: () => true },
  findAccount: (ctx, id) => (id === 'alice' ? { accountId: id, claims: () => ({ sub: id, ...alice }) } : undefined),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
};

let provider;

// The pages, without any HTML: what is asked is the word in the body.
async function interaction(request, response, action) {
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
    const { missingOIDCScope, missingOIDCClaims } = prompt.details;
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
    const result = { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
}

const server = http.createServer((request, response) => {
  const page = request.url.match(/^\/interaction\/[\w-]+(?:\/(login|consent|abort))?$/);
  if (!page) {
    provider.callback()(request, response);
    return;
  }
  interaction(request, response, page[1]).catch((error) => {
    response.statusCode = 400;
    response.end(String(error.message));
  });
});
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, configuration);
  console.log(`READY ${issuer}`);
});
process.stdin.resume().on('end', () => process.exit(0));
