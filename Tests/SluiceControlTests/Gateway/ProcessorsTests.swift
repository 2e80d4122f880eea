import Testing

@testable import SluiceControl

@Suite struct ProcessorsTests {
    private func count(_ affinity: Int, _ files: [String: String]) -> Int {
        Processors.available(affinity: affinity) { files[$0] }
    }

    @Test("the affinity mask counts where there is no quota")
    func affinity() {
        #expect(count(6, [:]) == 6)
        #expect(count(6, ["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"]) == 6)
        #expect(count(0, [:]) >= 1)
    }

    @Test(
        "a quota limits, rounded up, never below one",
        arguments: [
            ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("1000000 100000", 6),
            ("nonsense", 6), ("0 100000", 6), ("100000 0", 6), ("-1 100000", 6),
        ]
    )
    func quota(line: String, expected: Int) {
        #expect(count(6, ["/proc/self/cgroup": "0::/app\n", "/sys/fs/cgroup/app/cpu.max": line + "\n"]) == expected)
    }

    @Test("the smallest quota on the way to the root counts")
    func nested() {
        let files = [
            "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
            "/sys/fs/cgroup/cpu.max": "max 100000\n",
        ]
        #expect(count(8, files) == 3)
    }

    @Test("groups of version 1 are read too")
    func legacy() {
        let files = [
            "/proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/docker/1\n",
            "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ]
        #expect(count(8, files) == 3)
    }
}
