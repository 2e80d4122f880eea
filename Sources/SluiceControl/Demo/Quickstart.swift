/// The configuration of `sluice demo`. A test holds it equal to `examples/quickstart.yaml`.
package enum Quickstart {
    package static let text = """
        # A gateway on port 8080 in front of two servers. Start two to try it:
        #   sluice echo --address 127.0.0.1:9001 & sluice echo --address 127.0.0.1:9002 &
        #   sluice run -c examples/quickstart.yaml
        #   curl -i http://127.0.0.1:8080/hello
        version: 1

        listeners:
          - {name: public, address: "127.0.0.1:8080"}

        upstreams:
          app:
            endpoints: ["127.0.0.1:9001", "127.0.0.1:9002"]

        routes:
          - name: health
            match: {path: /healthz}
            respond: {body: "ok\\n"}

          - name: app
            match: {prefix: /}
            upstream: app
            timeout: 30s

        """
}
