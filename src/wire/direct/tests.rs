//! Sockets that stamp: with the kernel's stamps they read as they do without.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::kernel::{Wall, wall};
use super::stamped::{Stamped, Stamps};
use super::stamping::{Placer, Stamping};
use crate::base::Offset;
use crate::scenario::Timestamps;
use crate::wire::Clock;

const BOTH: [Timestamps; 2] = [Timestamps::Kernel, Timestamps::User];

/// A client's end of a connection whose other end is served by `serve` in a thread of its own.
async fn connect<T: Send + 'static>(
    clock: Clock,
    stamping: &Stamping,
    serve: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
) -> (Stamped, Arc<Stamps>, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        serve(socket)
    });
    let socket = TcpStream::connect(address).await.unwrap();
    let (socket, stamps) = Stamped::new(socket, clock, stamping);
    (socket, stamps, server)
}

/// Writes numbered bytes with pauses; the instants before and after each write.
fn write_slowly(mut socket: impl Write, clock: Clock) -> Vec<[Offset; 2]> {
    let write = |byte: u8| {
        thread::sleep(Duration::from_millis(2));
        let before = clock.now();
        socket.write_all(&[byte]).unwrap();
        [before, clock.now()]
    };
    (0..100).map(write).collect()
}

/// Reads until the end: how many bytes were there with each read, its mark, and when it returned.
async fn read_all(
    mut socket: impl AsyncRead + Unpin,
    clock: Clock,
    stamps: &Stamps,
) -> Vec<(usize, Offset, Offset)> {
    let (mut reads, mut all) = (Vec::new(), 0);
    let mut buffer = [0; 64];
    loop {
        let read = socket.read(&mut buffer).await.unwrap();
        if read == 0 {
            return reads;
        }
        all += read;
        reads.push((all, stamps.last_read(), clock.now()));
    }
}

/// Each mark is after its last byte's write began, and before the read returned.
fn check(writes: &[[Offset; 2]], reads: &[(usize, Offset, Offset)], stamping: &Stamping) {
    let tally = stamping.tally();
    let error = Duration::from_nanos(tally.error_ns);
    assert_eq!(writes.len(), reads.last().unwrap().0);
    for (all, mark, returned) in reads {
        let [before, _] = writes[all - 1];
        assert!(
            *mark + error >= before && mark <= returned,
            "{before:?} {mark:?} {returned:?}"
        );
    }
    assert!(reads.is_sorted_by_key(|(_, mark, _)| *mark));
    // The kernel begins to stamp a moment after it is asked.
    assert!(tally.kernel > 50 && tally.implausible == 0, "{tally:?}");
}

#[tokio::test]
async fn a_kernel_stamp_lies_between_the_write_and_the_read() {
    let (clock, stamping) = (Clock::start(), Stamping::new(Timestamps::Kernel));
    let serve = move |socket| write_slowly(socket, clock);
    let (socket, stamps, server) = connect(clock, &stamping, serve).await;
    let reads = read_all(socket, clock, &stamps).await;
    check(&server.join().unwrap(), &reads, &stamping);
}

#[tokio::test]
async fn a_read_through_tls_has_the_stamp_of_its_bytes() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = signed.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let server_config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let (clock, stamping) = (Clock::start(), Stamping::new(Timestamps::Kernel));
    let serve = move |socket| {
        let session = rustls::ServerConnection::new(Arc::new(server_config)).unwrap();
        let mut secured = rustls::StreamOwned::new(session, socket);
        let writes = write_slowly(&mut secured, clock);
        secured.conn.send_close_notify();
        secured.flush().unwrap();
        writes
    };
    let (socket, stamps, server) = connect(clock, &stamping, serve).await;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().unwrap();
    let secured = connector.connect(name, socket).await.unwrap();
    let reads = read_all(secured, clock, &stamps).await;
    check(&server.join().unwrap(), &reads, &stamping);
}

#[tokio::test]
async fn the_bytes_and_the_end_are_read_whatever_stamps_them() {
    for wanted in BOTH {
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let expected = sent.clone();
        let (clock, stamping) = (Clock::start(), Stamping::new(wanted));
        let serve = move |mut socket: std::net::TcpStream| {
            socket.write_all(&sent).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            let mut asked = Vec::new();
            socket.read_to_end(&mut asked).unwrap();
            asked
        };
        let (mut socket, stamps, server) = connect(clock, &stamping, serve).await;
        let mut first = [0; 3];
        socket.read_exact(&mut first).await.unwrap();
        assert_eq!(socket.read(&mut []).await.unwrap(), 0);
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        assert!(first == expected[..3] && rest == expected[3..]);
        let end = stamps.last_read();
        assert_eq!(socket.read(&mut first).await.unwrap(), 0);
        assert_eq!(stamps.last_read(), end);

        let before = clock.now();
        socket.write_all(b"hi").await.unwrap();
        let written = stamps.first_write().unwrap();
        assert!(before <= written && written <= clock.now());
        socket.shutdown().await.unwrap();
        assert_eq!(server.join().unwrap(), b"hi");
        let tally = stamping.tally();
        assert!(tally.user > 0 || wanted == Timestamps::Kernel);
        assert!(tally.kernel > 0 || wanted == Timestamps::User);
    }
}

#[tokio::test]
async fn a_reset_is_an_error_whatever_stamps_the_reads() {
    for wanted in BOTH {
        // A socket that is closed while it holds bytes nobody read resets its connection.
        let serve = |mut socket: std::net::TcpStream| {
            socket.peek(&mut [0]).unwrap();
            socket.write_all(b"x").unwrap();
        };
        let (clock, stamping) = (Clock::start(), Stamping::new(wanted));
        let (mut socket, _, server) = connect(clock, &stamping, serve).await;
        socket.write_all(b"hi").await.unwrap();
        server.join().unwrap();
        let mut all = Vec::new();
        let error = socket.read_to_end(&mut all).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_stamp_that_cannot_be_gives_way_to_the_user_stamp() {
    let (clock, stamping) = (Clock::start(), Stamping::new(Timestamps::Kernel));
    thread::sleep(Duration::from_millis(5));
    let mut placer = Placer::new(stamping.clone(), clock);
    let hour = 3_600_000_000_000;
    for (nth, off) in [(1, -hour), (2, hour)] {
        let returned = clock.now();
        assert_eq!(placer.mark(Some(Wall(wall().0 + off)), returned), returned);
        assert_eq!(stamping.tally().implausible, nth);
    }
    let read = placer.mark(None, clock.now());
    assert_eq!(stamping.tally().user, 3);

    let (stamp, waits) = (wall(), Duration::from_millis(20));
    let before = clock.now();
    thread::sleep(waits);
    let mark = placer.mark(Some(stamp), clock.now());
    assert!(read <= mark && mark.since(before) * 4 < waits, "{mark:?}");
    // Bytes of the same segment, read later.
    assert!(placer.mark(Some(stamp), clock.now()) >= mark);
    assert_eq!(stamping.tally().kernel, 2);
}
