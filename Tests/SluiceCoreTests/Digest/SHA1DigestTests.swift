import SluiceCore
import Testing

@Suite struct SHA1DigestTests {
    @Test(
        "SHA-1 gives the published digests (FIPS 180-4 examples)",
        arguments: [
            ("", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="), ("abc", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "hJg+RBw70m66rkqh+VEp5eVGcPE="),
        ]
    )
    func known(text: String, digest: String) {
        #expect(Base64.encode(SHA1Digest.of(Array(text.utf8))) == Array(digest.utf8))
    }
}
