//! Which engines a contract is told on: the embedded one always, and the one that `MSHUB_TEST_<PORT>_URL` names.
//!
//! A real engine joins by its URL. One that `MSHUB_REQUIRE` names (`bus,db,…`) and that is not there is a failure.

/// URLs of a port's engines: `embedded`, then the one from the environment.
pub(crate) fn urls(port: &str, embedded: String) -> Vec<String> {
    let variable = format!("MSHUB_TEST_{}_URL", port.to_uppercase());
    let required = std::env::var("MSHUB_REQUIRE").unwrap_or_default();
    match std::env::var(&variable) {
        Ok(real) if port == "bus" => {
            let separator = if real.contains('?') { '&' } else { '?' };
            vec![embedded, format!("{real}{separator}prefix={}.", uuid::Uuid::new_v4())]
        }
        Ok(real) => vec![embedded, real],
        Err(_) => {
            assert!(!required.split(',').any(|name| name == port), "{port} is required: set {variable}");
            println!("{port}: only the embedded engine ({variable} is not set)");
            vec![embedded]
        }
    }
}
