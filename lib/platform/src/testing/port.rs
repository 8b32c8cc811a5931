//! A port for a server that starts later or comes back: ours all the while, by a socket that never listens.
//!
//! A port that was only free a moment ago belongs to whoever asks next: a test beside this one, or a connection on its way
//! out. One that is bound is never given to either, and still takes the server that names it (both say `SO_REUSEADDR`, as
//! every server here does).

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::TcpSocket;

/// A port of this machine that nobody gets who does not name it, for as long as this lives. While no server listens there,
/// connections are refused.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    /// Any that is free.
    pub fn reserve() -> io::Result<Self> {
        Self::at(0)
    }

    /// This one, which must be free.
    pub(super) fn at(number: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, number).into())?;
        Ok(Self { address: socket.local_addr()?, _held: socket })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.address.port()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_server_takes_the_port_comes_back_to_it_and_nobody_is_there_in_between() {
        let port = Port::reserve().unwrap();
        let refused = async || TcpStream::connect(port.address()).await.unwrap_err().kind();

        assert_eq!(refused().await, io::ErrorKind::ConnectionRefused);
        for _ in 0..3 {
            let server = TcpListener::bind(port.address()).unwrap();
            TcpStream::connect(port.address()).await.unwrap();
            drop(server);
            assert_eq!(refused().await, io::ErrorKind::ConnectionRefused);
        }
    }
}
