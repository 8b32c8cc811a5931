//! The harness that starts real engines: what it starts ends with the tests, and what it does not find is said.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    time::Duration,
};

use mshub_platform::testing::{certificates::Certificates, engines, redis::Redis};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

/// This test binary again, with one of the tests below that only run for others.
fn again(test: &str) -> Command {
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.args([&format!("harness::{test}"), "--exact", "--ignored", "--nocapture"]);
    tests
}

async fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

#[tokio::test]
#[ignore = "it never ends: run by a_server_ends_with_tests_that_are_killed"]
async fn holds_a_redis() {
    let redis = Redis::start().await.unwrap();
    println!("\nport {}", redis.as_ref().map_or(0, Redis::port));
    std::future::pending::<()>().await;
}

#[tokio::test]
#[ignore = "run by what_is_required_and_not_there_is_a_failure_that_says_what_to_install"]
async fn asks_for_a_redis() {
    engines::fanout().await.unwrap();
}

#[tokio::test]
#[ignore = "run by what_is_required_and_not_there_is_a_failure_that_says_what_to_install"]
async fn asks_for_a_mail_server() {
    engines::mail().await.unwrap();
}

#[tokio::test]
#[ignore = "run by what_is_required_and_not_there_is_a_failure_that_says_what_to_install"]
async fn asks_for_certificates() {
    Certificates::make().await.unwrap();
}

#[tokio::test]
async fn a_server_ends_with_tests_that_are_killed() {
    let mut tests = again("holds_a_redis").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(tests.stdout.take().unwrap()).lines();
    let port: u16 = said.find_map(|line| line.unwrap().strip_prefix("port ")?.parse().ok()).unwrap();
    if port != 0 {
        assert!(listens(port).await, "it does not run");
    }

    tests.kill().unwrap();
    tests.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(60);
    while port != 0 && listens(port).await {
        assert!(Instant::now() < deadline, "it outlives the tests");
        sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn what_is_required_and_not_there_is_a_failure_that_says_what_to_install() {
    let run = |test: &str, require: &str| -> Output {
        let mut tests = again(test);
        tests.env("PATH", "").env("MSHUB_REQUIRE", require);
        tests.env_remove("MSHUB_TEST_FANOUT_URL").env_remove("MSHUB_TEST_MAIL_URL");
        tests.output().unwrap()
    };
    let said = |output: &Output| {
        [&output.stdout[..], &output.stderr[..]]
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .concat()
    };

    for (test, others, required, missing) in [
        ("asks_for_a_redis", "postgres,s3", "postgres, redis", "redis-server"),
        ("asks_for_a_mail_server", "redis", "redis,smtp", "python3-aiosmtpd"),
        ("asks_for_certificates", "", "postgres", "openssl"),
    ] {
        let (passed_over, required) = (run(test, others), run(test, required));

        assert!(passed_over.status.success(), "{}", said(&passed_over));
        assert!(said(&passed_over).contains("is not there and passed over"), "{}", said(&passed_over));
        assert!(!required.status.success(), "{test} passed");
        assert!(said(&required).contains(&format!("apt-get install {missing}")), "{}", said(&required));
    }
}

#[tokio::test]
async fn each_test_has_a_place_of_its_own_in_one_server() {
    let (one, other) = (engines::database().await.unwrap(), engines::database().await.unwrap());
    if let (Some(one), Some(other)) = (one, other) {
        assert_ne!(one, other);
        assert_eq!(one.rsplit_once('/').unwrap().0, other.rsplit_once('/').unwrap().0);
    }
}

#[tokio::test]
async fn kafka_is_handed_out_when_it_answers() {
    let Some(url) = engines::bus().await.unwrap() else { return };
    let url: url::Url = url.parse().unwrap();

    assert!(listens(url.port().unwrap()).await, "{url}");
    assert!(url.query().unwrap().contains("partitions=3"), "{url}");
}
