"""What issuers say their tokens look like; each may stand inside any other text. Pure.

Beside what detect-secrets knows: newer prefixes, and shapes it only takes between blanks.
"""

FORMATS = {
    # https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
    "GitHub token": r"gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}",
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    "AWS access key": r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
    # https://docs.slack.dev/authentication/tokens/
    "Slack token": r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+",
    # https://docs.stripe.com/keys
    "Stripe key": r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/]{24,}",
    # RFC 7519: a header and claims that are JSON objects in base64
    "JSON Web Token": r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    # RFC 7468, RFC 9580, and the ciphers' older names
    "private key": r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    # https://cloud.google.com/docs/authentication/api-keys
    "Google API key": r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}",
    # https://docs.gitlab.com/security/tokens/
    "GitLab token": r"gl(?:pat|dt|ptt|rt|cbt|imt|oas|soat|ft|agent)-[A-Za-z0-9_.-]{20,}",
    # https://docs.npmjs.com/about-access-tokens
    "npm token": r"npm_[A-Za-z0-9]{36}",
    # https://huggingface.co/docs/hub/security-tokens
    "Hugging Face token": r"hf_[A-Za-z0-9]{34}|api_org_[A-Za-z0-9]{34}",
    # https://platform.openai.com/docs/api-reference/authentication and others with its prefix
    "model API key": r"sk-(?:proj|svcacct|admin|ant|or|None)-[A-Za-z0-9_-]{20,}",
    # https://docs.digitalocean.com/reference/api/
    "DigitalOcean token": r"do[opr]_v1_[a-f0-9]{64}",
    # https://shopify.dev/docs/apps/build/authentication-authorization
    "Shopify token": r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    # https://developer.hashicorp.com/vault/docs/concepts/tokens
    "Vault token": r"hv[sbr]\.[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}",
    # https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
    "Atlassian token": r"ATATT3[A-Za-z0-9_=-]{40,}|ATCTT3[A-Za-z0-9_=-]{40,}",
    # https://age-encryption.org/v1
    "age key": r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    # https://core.telegram.org/bots/api
    "Telegram token": r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}",
    # https://www.twilio.com/docs/iam/api-keys, https://www.twilio.com/docs/sendgrid
    "Twilio or SendGrid key": r"\bSK[a-f0-9]{32}\b|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    # https://discord.com/developers/docs/resources/webhook, https://api.slack.com/messaging/webhooks
    "webhook address": r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{60,}"
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/+_-]{20,}",
    # https://grafana.com/docs/grafana/latest/administration/service-accounts/
    "Grafana token": r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}",
    # https://docs.sentry.io/account/auth-tokens/, https://linear.app/developers/graphql
    "service token": r"sntr(?:ys|yu)_[A-Za-z0-9+/=_]{40,}|lin_api_[A-Za-z0-9]{40}"
    r"|dapi[a-f0-9]{32}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|dp\.(?:pt|st|ct)\.[A-Za-z0-9]{40,}",
}
"""Name -> regular expression."""
