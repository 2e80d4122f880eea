import SluiceCore
import Testing

@Suite("SHA-256") struct SHA256DigestTests {
    @Test(
        "vectors of FIPS 180-4, and lengths around the ends of blocks",
        arguments: [
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (String(repeating: "a", count: 56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            (String(repeating: "a", count: 63), "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"),
            (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            (String(repeating: "a", count: 65), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"),
            (String(repeating: "a", count: 119), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
            (String(repeating: "a", count: 120), "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"),
            (String(repeating: "a", count: 128), "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"),
            (String(repeating: "a", count: 1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ]
    )
    func vectors(message: String, expected: String) {
        let digest = SHA256Digest(of: Array(message.utf8))
        #expect(digest.hexadecimal == expected)
        #expect(SHA256Digest(hexadecimal: expected) == digest)
        #expect(SHA256Digest(hexadecimal: expected.uppercased())?.isSame(as: digest) == true)
    }

    @Test("digests that differ anywhere are different")
    func differences() {
        let digits = Array(String(repeating: "0", count: 64))
        let zero = SHA256Digest(hexadecimal: String(digits))
        for place in digits.indices {
            var other = digits
            other[place] = "1"
            #expect(SHA256Digest(hexadecimal: String(other)) != zero, "\(place)")
        }
    }

    @Test(arguments: ["", "abc", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func noDigest(text: String) { #expect(SHA256Digest(hexadecimal: text) == nil) }

    @Test("no log and no dump shows one")
    func hidden() {
        let digest = SHA256Digest(of: Array("secret".utf8))
        var dumped = ""
        dump([digest], to: &dumped)
        for text in ["\(digest)", String(describing: digest), String(reflecting: digest), dumped] {
            #expect(!text.contains("2bb80d537b1d") && !text.contains("3151017910993236"), "\(text)")
        }
    }
}
