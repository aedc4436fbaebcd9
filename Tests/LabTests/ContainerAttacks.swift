import Foundation
import TestSupport
import Testing

extension LabTests {
  /// Images that try to have something made, changed or mounted outside of them
  /// (bubblewrap resolves destinations while the host is still there; CVE-2021-30465's class).
  @Suite(
    .enabled(if: Lab.isRoot, Lab.needsRoot), .needsContainers)
  struct ContainerAttacks {
    var lab: Lab { Lab.current }

    /// A root with a link at a place that slipway mounts on or writes to.
    struct Attack: CustomTestStringConvertible, Sendable {
      var place: String
      /// `OUT` is a directory of the user's outside of the image.
      var target: String
      var testDescription: String { "\(place) -> \(target)" }
    }

    static let attacks = [
      Attack(place: "etc/resolv.conf", target: "/oldroot/OUT/new"),
      Attack(place: "etc/resolv.conf", target: "/OUT/victim"),
      Attack(place: "etc/resolv.conf", target: "../../../../../../../../OUT/victim"),
      Attack(place: "etc/passwd", target: "/OUT/victim"),
      Attack(place: "etc/passwd", target: "/oldroot/OUT/victim"),
      Attack(place: "etc/group", target: "/proc/self/root/OUT/victim"),
      Attack(place: "etc", target: "/OUT"),
      Attack(place: "etc", target: "/oldroot/OUT"),
      Attack(place: "proc", target: "/OUT"),
      Attack(place: "sys", target: "/oldroot/OUT/sub"),
      Attack(place: "dev", target: "/OUT/sub"),
      Attack(place: "tmp", target: "/oldroot/OUT/sub"),
      Attack(place: "home", target: "/OUT"),
      Attack(place: "mnt", target: "/oldroot/OUT/made"),
      Attack(place: "mnt", target: "/proc/1/root/OUT"),
      Attack(place: "mnt", target: "/mnt"),
      Attack(place: "var", target: "/proc/self/fd"),
    ]

    @Test(arguments: attacks)
    func `nothing outside is made or changed, and mounts are seen inside`(_ attack: Attack) throws {
      let image = "\(try LabImage.build())/root"
      let result = try lab.shell(
        """
        set -e
        d=$(mktemp -d -p $HOME); mkdir -p $d/out/sub $d/root
        printf ORIGINAL >$d/out/victim; chmod 755 $d/out
        cd \(image); cp -a usr bin lib lib64 sbin opt $d/root/
        for n in etc proc sys dev tmp home mnt var; do
          test \(attack.place.split(separator: "/")[0]) = $n && test \(attack.place) = $n || mkdir -p $d/root/$n
        done
        case \(attack.place) in etc) ;; *) cp -a etc/os-release $d/root/etc/ ;; esac
        t=$(printf %s '\(attack.target)' | sed "s|/OUT|$d/out|"); ln -s "$t" $d/root/\(attack.place)
        find $d/out -printf '%P %m %s %l\\n' | sort >$d/before
        set +e
        \(Lab.products)/slipway run --image $d/root --bind $d/out/sub:/mnt/bound --workdir / -- \
          sh -c 'test -e /proc/self/status && test -c /dev/null && test -d /sys/kernel && \
          test -d /mnt/bound && echo seen'; echo $?
        set -e
        find $d/out -printf '%P %m %s %l\\n' | sort >$d/after
        cmp $d/before $d/after && grep -q ORIGINAL $d/out/victim && echo unchanged
        chmod -R u+rwx $d; rm -rf $d
        """, seconds: 60)
      #expect(result.lines.last == "unchanged", "\(result.stdout)\(result.stderr)")
      // Either all mounts are there, or the start failed and said where.
      let isSeen = result.lines.first == "seen"
      #expect(
        isSeen || result.stderr.contains("remedy: "), "\(result.stdout)\(result.stderr)")
    }

    @Test func `a user cannot write into an image of the site`() throws {
      let image = "\(try LabImage.build())/root"
      let result = try lab.shell(
        "\(Lab.products)/slipway run --image \(image) -- sh -c "
          + "'touch /usr/bin/x; echo x >>/usr/bin/sh; rm -f /usr/bin/cat; echo $?' 2>&1")
      #expect(result.stdout.contains("Read-only file system"), "\(result.stdout)")
      let writable = try lab.shell(
        "\(Lab.products)/slipway run --image \(try LabImage.build())/lab.squashfs --writable -- sh -c "
          + "'echo x >/usr/bin/x && rm /usr/bin/cat && echo changed'")
      #expect(writable.stdout == "changed\n", "\(writable.stderr)")
      #expect(access("\(image)/usr/bin/cat", X_OK) == 0 && access("\(image)/usr/bin/x", F_OK) != 0)
    }

    @Test func `a command has the caller's descriptors and none of slipway's`() throws {
      let image = "\(try LabImage.build())/lab.squashfs"
      let result = try lab.shell(
        "sh -c 'ls /proc/self/fd' 3</etc 4</ | tr '\\n' ' '; echo; "
          + "\(Lab.products)/slipway run --image \(image) -- sh -c 'ls /proc/self/fd' 3</etc 4</ "
          + "| tr '\\n' ' '")
      #expect(result.lines.count == 2 && result.lines[0] == result.lines[1], "\(result.stdout)")
    }

    @Test(.needs("umoci"))
    func `a site's store is read by all, and a user's own by nobody else`() throws {
      try TemporaryDirectory.with { directory in
        let layout = "\(try LabImage.build())/lab:latest"
        chmod(directory.path, 0o755)
        let (store, file) = (directory("store"), directory("slipway.toml"))
        try directory.write("slipway.toml", "[images]\nshared = [\"\(store)\"]\n")
        chmod(file, 0o644)
        let slipway = "\(Lab.products)/slipway"
        let pulled = try run([
          slipway, "image", "pull", "--quiet", "--config", file, "--store", store, "--name",
          "site/app:1", "oci:\(layout)",
        ])
        try #require(pulled.status == 0, "\(pulled.stderr)")
        // By its name, from the site's store; neither the image nor the store can be changed.
        let shared = try lab.shell(
          "XDG_CACHE_HOME=$HOME/none \(slipway) run --config \(file) --image site/app:1 --writable "
            + "--bind \(store):/mnt -- sh -c '. /etc/os-release; echo $ID; echo x >/usr/bin/x; "
            + "find /mnt -writable ! -type l | wc -l; touch /mnt/x || echo refused'")
        #expect(shared.stdout == "lab\n0\nrefused\n", "\(shared)")
        let own = try lab.shell(
          "export XDG_CACHE_HOME=$HOME/own; \(slipway) image pull --quiet oci:\(layout) >/dev/null; "
            + "find $XDG_CACHE_HOME -name root.squashfs")
        let path = try #require(own.lines.first)
        let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        #expect(try run(other + ["cat", path]).status != 0)
        let start = try run(
          other + [slipway, "run", "--image", path, "--", "true"],
          environment: ["HOME": "/nonexistent", "PATH": "/usr/bin:/bin"])
        #expect(start.status != 0 && start.stderr.contains("Permission denied"), "\(start.stderr)")
        _ = try lab.shell("rm -rf $HOME/own")
      }
    }

    @Test(.needs("gcc"))
    func `an image of one static program runs it`() throws {
      let result = try lab.shell(
        """
        set -e; d=$(mktemp -d); mkdir $d/root; cd $d
        printf 'int puts(const char *); int main(void) { return puts("alone") < 0; }' >alone.c
        gcc -static -o root/alone alone.c
        tar -C root -c -- alone | sqfstar -comp lz4 -no-progress -quiet alone.squashfs
        \(Lab.products)/slipway run --image ./alone.squashfs --workdir / -- /alone
        cd /; rm -rf $d
        """)
      #expect(result.stdout == "alone\n", "\(result)")
    }

    // MARK: What a machine lacks

    /// Starts an image with settings of its own.
    private func start(
      _ image: String, _ settings: String, options: String = ""
    ) throws -> ToolResult {
      let file = "\(lab.directory)/attack.toml"
      try settings.write(toFile: file, atomically: true, encoding: .utf8)
      return try lab.shell(
        "\(Lab.products)/slipway run --config \(file) --image \(image) \(options) -- true")
    }

    @Test func `a program that is missing is named`() throws {
      let image = "\(try LabImage.build())/lab.squashfs"
      let bubblewrap = try start(image, "[container]\nbwrap = \"/no/bwrap\"")
      #expect(bubblewrap.status == 69 && bubblewrap.stderr.contains("/no/bwrap"))
      let server = try start(image, "[container]\nsquashfuse = \"/no/squashfuse\"")
      #expect(server.status == 69 && server.stderr.contains("/no/squashfuse is not installed"))
      #expect(server.stderr.contains("remedy: have the administrator install squashfuse"))
    }

    @Test func `a mount that is not there, or has no place, is named`() throws {
      let image = "\(try LabImage.build())/lab.squashfs"
      let missing = try start(image, "", options: "--bind /no/such:/mnt")
      #expect(missing.status == 65 && missing.stderr.contains("mounting /no/such:"))
      let file = try start(image, "", options: "--bind /tmp:/etc/os-release/x")
      #expect(file.status == 65 && file.stderr.contains("/etc/os-release/x"), "\(file.stderr)")
    }

    @Test func `a server that never answers costs the deadline`() throws {
      let mute = "\(lab.directory)/mute"
      try "#!/bin/sh\nexec sleep 60\n".write(toFile: mute, atomically: true, encoding: .utf8)
      chmod(mute, 0o755)
      let result = try start(
        "\(try LabImage.build())/lab.squashfs",
        "deadline = 1\n[container]\nsquashfuse = \"\(mute)\"")
      #expect(
        result.status == 75 && result.stderr.contains("not done within 1 s"), "\(result.stderr)")
      _ = try run(["pkill", "-f", "^sleep 60$"])
    }

    @Test func `a user without namespaces is told which setting forbids them`() throws {
      // The limit of a user namespace in which the user is nobody special.
      let result = try lab.shell(
        "unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; "
          + "\(Lab.products)/slipway run --image \(try LabImage.build())/lab.squashfs -- true'")
      #expect(result.status == 69, "\(result.stderr)")
      #expect(result.stderr.contains("user.max_user_namespaces is 0"), "\(result.stderr)")
    }
  }
}
