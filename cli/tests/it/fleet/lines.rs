//! The lines of one machine to the engines: a network that fails while both of its ends live.

use std::net::{Ipv4Addr, SocketAddr};

use platform::testing::{Engine, Link, Proxy, kafka::Door};
use url::Url;

use super::Engines;

/// Lines, which can be broken.
pub(crate) struct Lines {
    database: Proxy,
    /// None to a Kafka that somebody else has started: it tells everybody where it is.
    bus: Option<Proxy>,
    fanout: Proxy,
    objects: Proxy,
}

impl Lines {
    /// Lays them, and answers with where the engines are at their other end.
    pub(super) async fn lay(engines: &Engines, door: Option<Door>) -> (Self, Engines) {
        let mut engines = engines.clone();
        let bus = match door {
            Some(door) => {
                at(&mut engines.bus, door.outside);
                Some(Proxy::between(door.outside, door.inside).await.unwrap())
            }
            None => None,
        };
        let lines = Self {
            database: over(&mut engines.database).await,
            bus,
            fanout: over(&mut engines.fanout).await,
            objects: over_endpoint(&mut engines.objects).await,
        };
        (lines, engines)
    }

    /// Breaks the line to one engine, or mends it.
    pub(super) fn set(&self, engine: Engine, link: Link) {
        match engine {
            Engine::Postgres => self.database.set(link),
            Engine::Kafka => self.bus.as_ref().expect("the tests have started Kafka").set(link),
            Engine::Redis => self.fanout.set(link),
            Engine::S3 => self.objects.set(link),
            Engine::Smtp => panic!("no line leads to the mail server"),
        }
    }
}

/// A line to the server of a URL, which leads over it from now on.
async fn over(url: &mut String) -> Proxy {
    let port = url.parse::<Url>().unwrap().port().expect("the harness names ports");
    let line = Proxy::to((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
    at(url, line.address);
    line
}

fn at(url: &mut String, place: SocketAddr) {
    let mut moved: Url = url.parse().unwrap();
    moved.set_port(Some(place.port())).unwrap();
    *url = moved.into();
}

/// The same for the store of a URL, which is an option of it.
async fn over_endpoint(objects: &mut String) -> Proxy {
    let url: Url = objects.parse().unwrap();
    let (_, endpoint) = url.query_pairs().find(|(name, _)| name == "endpoint").expect("it is no Amazon");
    let mut moved = endpoint.clone().into_owned();
    let line = over(&mut moved).await;
    let [there, here] = [endpoint.parse::<Url>().unwrap().port(), Some(line.address.port())]
        .map(|port| port.expect("the harness names ports"));
    *objects = objects.replace(&format!(":{there}"), &format!(":{here}"));
    *objects = objects.replace(&format!("%3A{there}"), &format!("%3A{here}"));
    line
}
