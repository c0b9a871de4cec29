#!/usr/bin/env bash
# haraka.sh start|stop|status|env BASEDIR
# Haraka (npm): PIPELINING, 8BITMIME, SMTPUTF8, SIZE; no CHUNKING, no ENHANCEDSTATUSCODES. Needs no root.
# Listener (port = RIG_PORT_BASE + n): 825 smtp, plain.
# Everything at rig.test is accepted and dropped, other domains are refused at RCPT.
SRV=haraka
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

srv_status() { rig_alive "$DIR/server.pid"; }

srv_start() {
    "$RIG_HERE/install.sh" haraka
    local app=$RIG_OPT/haraka/node_modules/Haraka
    mkdir -p "$DIR/config"
    cp "$app/config/connection.ini" "$DIR/config/" # without it, it ends at the first connection
    echo "listen=$RIG_LISTEN:$(port 825)" >"$DIR/config/smtp.ini"
    echo level=warn >"$DIR/config/log.ini"
    printf '%s\n' rcpt_to.in_host_list queue/discard >"$DIR/config/plugins"
    echo "$RIG_DOMAIN" >"$DIR/config/host_list"
    echo "$RIG_HOST" >"$DIR/config/me"
    YES_REALLY_DO_DISCARD=1 setsid node "$app/bin/haraka" -c "$DIR" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/server.pid"
    rig_wait_banner "$(port 825)" 30 || { tail -5 "$DIR/log" >&2; srv_stop; die "smtp port is silent"; }
    rig_env "$DIR/env" HARAKA_SMTP_ADDR "$RIG_LISTEN:$(port 825)" HARAKA_LOG "$DIR/log"
}

srv_stop() { rig_stop_pid "$DIR/server.pid"; }

rig_main "$@"
