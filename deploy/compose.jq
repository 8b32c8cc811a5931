# What holds of every service of compose.yaml, for CI: reads what `docker compose config --format json` says of all
# profiles, and answers with what does not hold, a sentence a line.

# Who waits for whom to be well.
{
  "server": ["chat-worker", "convert-worker", "mail"],
  "chat-worker": ["kafka", "postgres", "redis"],
  "convert-worker": ["postgres", "redis", "s3"]
} as $waits
| ["hub", "office", "team", "watch"] as $profiles
| . as $all
| (.services | to_entries[] | .key as $name | .value
    | (.image == "mshub") as $ours
    | (
        (select((.healthcheck.test // []) | length < 2) | "has no health check"),
        (select(.healthcheck | .disable or ([.interval, .timeout, .retries] | any(. == null))) | "is asked without an end"),
        (select(.deploy.resources.limits | (.cpus and .memory) | not) | "has no limit of processor and memory"),
        (select((.networks | keys) != ["mshub"]) | "is in other networks than the one"),
        (select(.restart != "unless-stopped") | "is not started again"),
        (select(.security_opt // [] | index("no-new-privileges:true") | not) | "may get new privileges"),
        (select($ours and (.read_only and .init and .cap_drop == ["ALL"] | not)) | "can write to its image, or do more than it needs"),
        (select($ours | not) | select(.image // "" | test(":v?[0-9][^:]*$") | not) | "has no fixed version: \(.image)"),
        (.ports // [] | .[] | select(.host_ip != "127.0.0.1") | "is open to others: port \(.published)"),
        (select((.profiles // []) - $profiles != [] or (.profiles // []) == []) | "is in no profile of the header"),
        (.depends_on // {} | to_entries[] | select(.value.condition != "service_healthy") | "does not wait until \(.key) is well"),
        (select((.depends_on // {} | keys) != ($waits[$name] // [])) | "waits for others: \(.depends_on // {} | keys)"),
        (.environment // {} | to_entries[]
          | select((.key | test("PASSWORD|SECRET|TOKEN|_KEY|CREDENTIAL") and (endswith("_FILE") | not))
              or (.value // "" | test("://[^/]*:[^/]*@")))
          | "has a secret among its settings: \(.key)"),
        (.command // [] | .[] | select(test("://[^/]*:[^/]*@|pass(word)?=|requirepass"; "i")) | "has a secret in its command: \(.)"),
        (.secrets // [] | .[] | select($all.secrets[.source].file == null) | "has a secret that is in no file: \(.source)")
      )
    | "\($name) \(.)"),
  (.secrets | to_entries[] | select(.value.file // "" | test("/deploy/secrets/[a-z0-9_.]+$") | not) | "the secret \(.key) is not in deploy/secrets"),
  (["chat-worker", "convert-worker", "gotenberg", "hub", "kafka", "mail", "postgres", "prometheus", "redis", "s3", "server"]
    - (.services | keys) | select(. != []) | "there is no \(join(", "))")
