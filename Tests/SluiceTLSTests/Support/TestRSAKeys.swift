/// RSA keys for tests, made once with `openssl genrsa`: making one takes seconds. They protect nothing.
enum TestRSAKeys {
    static let strong = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEowIBAAKCAQEAzx8sS+ntzRJx6lOFfGuUKbTfAxouZ89WrxS4UHJ0h9jabi8z
        946h431MYg/4w1j3k3x62GrAu82KEy2SJlnRTyIP/qwCF2wRCsN7ZWILu18rriRw
        uVZJ3Y8ycfZFUnafSlGITlEFwyD5i3XJQFFIZT73yJZr7A/95xe99bVhBfnwcET/
        t2ThZceEeTBXl7V0dWMXI8KJ1ppB0h+qAGu4sUwZkGDvMEoGQUu2GzMwZrb4l//z
        NuZo+yK9wmRSyUqqLxO4wwp5N5/8rwxn6ezEm7xTdY78+anOA3HjmaZvxIJDWAm1
        kqYURKNbAOiTr1lY/HEojOluTcEX1FEX49PO4QIDAQABAoIBAAtne4BojnvqppQQ
        6joqEDvlphvdHq3/mBXGzck8LBdoxMopVjKsy1Qjy4dgusFCzkr0IS12X0tX62DX
        8wKikmhJh1jt7qWMgTm2/r3b0qqL+HM7tWs3CZUl89Cbj0CVoHqul5M8WdVfJO5d
        W2nrr9FHUMxeH+4dCU1mnMKBLKjv+znLIh/2gCGUkPblxRnkDcMCqGRSS3aR1Fke
        haFGqFMhxd2vdM3LCh7QltoH9Tf9V7rWkEfZ85CzQ29DtxyAfH7XCtyNDMXApzeY
        7D53gk75ZODhCOVol/EIpDxs3VXzcgn7eagjhExobc6JjyD43fgK1FwYVyJr96xy
        q17NU+sCgYEA9OP4P/5oe1EQl5kV+iePVLn4Z13C/2rSaYhQgUmhJZcLxOVz9cyN
        6UR2V5j0YA4jkxeuSfOi5hEQLswvjNaYDaE3WKPHv5Xe8UpW7b3XN3QtaJq3swF+
        bRbVrd4vsj/8cEWgIjSzgA2LLYL/DmbbpvwmFKWlXC4yrvT5EC9jr1sCgYEA2IST
        ssTA8PuWJWuGqRaJQb64qRswMBV+EcGbUSqNBh34ChLMuyeDykcYt+OhBH5HJuqJ
        RcU3R48roJ/tlxMKgsdJePIcf8GBsarcuGXHYzFMdCWWEn7bSz3w7tHEuWqAgSMe
        XZVpxMgNM6F/+vDgPXuSdDb088/O9imiCYQTa3MCgYBaY+L3y/HIwq07J5hDE2MG
        RPZ5QNR+7nDn3xbIAeNnOo9vh7n7mhsvZMPBpYVeBxn+axk71p/kB5xPibJra7II
        Jd+F6j4Ka0k1Ctl3O0E7CLjSCXmQqxZ9MZaBbKdyRcfpsOlgds9ijp02mUmHiVO+
        GQf9Sv70PWEbzvQ3kyZaTQKBgQDEBlPKOAQOqVhojI8gKv0dftSkla7s+ahn3wcF
        VybScPON+zNMBhx1WCTy561x6fn1K8YYWtMPgHmZNPHgIycS++ZzD4/pwoHvHqgy
        ckMwdQOo7BaQrDVSS8QEE/qte9TYFbl6NLnLpOr+4aqCwO3j/Cq9+LuQuYXArDS9
        tMv4LQKBgA5t5xDHJYn0CHcykC2/3mlUyW3uMuQbDvTHZOFT1tVhyZw5HPNNB4DS
        uw57XZNzd+GzHOiegjBJ8SzvbnoaytzHKiBtHrCF6dqTgg93WRmEcgOnIpWxX5X4
        FarnJVYPKbNAw5O7oiHSfiQC28p6T+DfSscgUmniH2H9Hpdi0Cll
        -----END RSA PRIVATE KEY-----
        """
    /// Too short for anything but tests of refusal.
    static let weak = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICXgIBAAKBgQDXYQYNv/G8mUEZ424cWf74aHJgmcjDYVFbXt1ucbXljrgR/vE8
        64hd9XFDlPqPDJtI9zHWJizy0w6N1lbMEGiFezzkTU9rUHQC2bA3PNGfyd4WPfOG
        XQe++zh+UztEtX85u2V4d2WHwQQhL9s4YO8uf4dnE6euApcmF848yAsF7QIDAQAB
        AoGAS6sxxkjmdD1fqunFeL6BnuKLNLcy2rnpLHHS2AepQWJ39xKbzKxvd5tQ1M6V
        jQZ/1A3M+5Dj/9f46Aoi6oTlQ0M445K/ApPE0aaKRIvDCPuo03KCNMF6UKgswFwb
        MrrPZ0FS046ct+rM9rTYF7NOxLh1q8n4OH9ol40qjOylaN0CQQDu48vRMPMMzkeG
        DtiNGZnqdw0IvXZ8/evd8VB8JL20C1tcbSECm5ZeW5Vez23p/l+hQFkcbOMgVlVB
        hHm3MThPAkEA5s4kCnX02+L0sYDkaA37UyKwtpO4VTEPUJWuBnUDTwj0MC7ju0av
        Vix+O2rkJL+kddmDiQCSVwoRyDM2hD6TAwJBAKUZH+piZwdppLq8leLmV55YStTI
        hBQcNR+9P/+cMNM2qhx1e0PfHYv2xYOx3efCmnrKCwv/IPVfVSqjkK8PwDcCQQCg
        YlzvG/q0Fekds8iEejrMEY4kwU/Ve0r+H5UXjZZoBHvTQ7IigEL1KePqHCQ/WSDK
        eAUMXeZTL38d1GCs0uLLAkEA2G0TAB8ecq+UuGtH4IHT8kyq4jMT80xJonTWnSJ2
        VMnwokNNgUYMn7PfcpAYtcSDUjeiSfO/V5RR+JS1SZbXbQ==
        -----END RSA PRIVATE KEY-----
        """
}
