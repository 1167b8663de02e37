# Runs the server until it ends by itself or the parent process is gone, however the parent went: standard input is a
# pipe whose other end only the parent holds, so end-of-file means that the parent has closed it, exited or been killed.
#
# Arguments: the signal that stops the server, the seconds after which it is stopped at once instead, the socket folder,
# a second folder to remove afterwards (or an empty string), then the server's command line.
signal=$1 patience=$2 sockets=$3 also=$4
shift 4

# For `rm` and `sleep`, wherever the PATH leads.
PATH=${PATH:+$PATH:}/usr/bin:/bin

# Only the end of the server or of the parent ends this script. The server sets its own handlers for these.
trap '' HUP INT PIPE TERM

exec 3<&0
"$@" 3<&- </dev/null >&2 &
server=$!

clean() { rm -rf -- "$sockets" ${also:+"$also"}; }

# The watcher does not keep standard error: that descriptor carries the lock on the data directory.
(
  read -r _ <&3
  kill -s "$signal" "$server"
  waited=0
  while kill -0 "$server"; do
    sleep 1
    waited=$((waited + 1))
    # At once, with crash recovery at the next start: no acknowledged row is lost.
    [ "$waited" -ne "$patience" ] || kill -s QUIT "$server"
  done
  clean
) >/dev/null 2>&1 &
watcher=$!

echo "$server"
exec >/dev/null

wait "$server"
status=$?
kill -s KILL "$watcher" 2>/dev/null
clean
exit "$status"
