#!/bin/sh
# Alertmanager does not read environment variables. This script writes its configuration from them, and then runs Alertmanager.
# Every alert goes to each of Slack, e-mail and PagerDuty that is set; PagerDuty gets only the critical ones. Secrets go into
# files of their own, so that neither the configuration nor Alertmanager's page shows them.
set -eu
folder=${CONFIG_FOLDER:-/tmp/alertmanager}
config=$folder/alertmanager.yml
mkdir -p "$folder"
umask 077
if [ -n "${ALERT_EMAIL_TO:-}" ]; then
  : "${SMTP_HOST:?ALERT_EMAIL_TO needs SMTP_HOST, as in smtp.example.org:587}"
  [ -z "${SMTP_USER:-}" ] || : "${SMTP_PASSWORD:?SMTP_USER needs SMTP_PASSWORD}"
fi

secret() { printf '%s' "$2" >"$folder/$1"; }
# A text as single-quoted YAML: only quotes have to be doubled.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }

{
  echo 'global:'
  echo '  resolve_timeout: 5m'
  if [ -n "${ALERT_EMAIL_TO:-}" ]; then
    echo "  smtp_smarthost: $(quoted "$SMTP_HOST")"
    echo "  smtp_from: $(quoted "${SMTP_FROM:-$ALERT_EMAIL_TO}")"
    if [ -n "${SMTP_USER:-}" ]; then
      secret smtp-password "$SMTP_PASSWORD"
      echo "  smtp_auth_username: $(quoted "$SMTP_USER")"
      echo "  smtp_auth_password_file: $(quoted "$folder/smtp-password")"
    fi
  fi

  echo 'route:'
  echo '  receiver: nobody'
  echo '  group_by: [alertname, job, endpoint]'
  echo '  group_wait: 30s'
  echo '  group_interval: 5m'
  echo '  repeat_interval: 4h'
  echo '  routes:'
  # Each route continues to the next. What no route takes goes to the receiver "nobody", which sends nothing.
  [ -z "${PAGERDUTY_ROUTING_KEY:-}" ] || echo "    - { receiver: pagerduty, matchers: ['severity = critical'], continue: true }"
  [ -z "${SLACK_WEBHOOK_URL:-}" ] || echo '    - { receiver: slack, continue: true }'
  [ -z "${ALERT_EMAIL_TO:-}" ] || echo '    - { receiver: email, continue: true }'

  echo 'inhibit_rules:'
  echo '  # A service that does not answer causes the other alerts about it.'
  echo "  - { source_matchers: ['alertname = TributaryServiceDown'], target_matchers: ['alertname = TributaryNotConnected'], equal: [job] }"

  echo 'receivers:'
  echo '  - name: nobody'
  if [ -n "${PAGERDUTY_ROUTING_KEY:-}" ]; then
    secret pagerduty-key "$PAGERDUTY_ROUTING_KEY"
    echo '  - name: pagerduty'
    echo '    pagerduty_configs:'
    echo "      - routing_key_file: $(quoted "$folder/pagerduty-key")"
    echo "        description: '{{ .CommonAnnotations.summary }}'"
  fi
  if [ -n "${SLACK_WEBHOOK_URL:-}" ]; then
    secret slack-url "$SLACK_WEBHOOK_URL"
    echo '  - name: slack'
    echo '    slack_configs:'
    echo "      - api_url_file: $(quoted "$folder/slack-url")"
    echo '        send_resolved: true'
    [ -z "${SLACK_CHANNEL:-}" ] || echo "        channel: $(quoted "$SLACK_CHANNEL")"
    echo "        title: '{{ .Status }}: {{ .CommonLabels.alertname }}'"
    echo "        text: '{{ range .Alerts }}{{ .Annotations.summary }}. {{ .Annotations.action }} ({{ .Annotations.runbook }}) {{ end }}'"
  fi
  if [ -n "${ALERT_EMAIL_TO:-}" ]; then
    echo '  - name: email'
    echo '    email_configs:'
    echo "      - to: $(quoted "$ALERT_EMAIL_TO")"
    echo '        send_resolved: true'
  fi
} >"$config"

exec "${ALERTMANAGER:-alertmanager}" --config.file="$config" "$@"
