"""How long the commands take to start, against /bin/true."""
import tempfile

from measure import CLEAN, NODE, SLIPWAY, VERSION, build_stack, once, table


def start(rounds):
    with tempfile.TemporaryDirectory() as directory:
        build_stack(directory)
        config = f"{directory}/slipway.toml"
        with open(config, "w") as file:
            file.write(f'[stack]\ncvmfs = "{directory}/cvmfs"\nversion = "{VERSION}"\n')
        commands = {
            "/bin/true": ["/bin/true"],
            "slipway-node plan": [NODE, "plan", "--config", config, "--environment-fd", "0"],
            "slipway detect --format eessi": [SLIPWAY, "detect", "--format", "eessi"],
            "slipway detect": [SLIPWAY, "detect"],
            "slipway env": [SLIPWAY, "env", "--config", config],
            "slipway run -- /bin/true": [SLIPWAY, "run", "--config", config, "--", "/bin/true"],
        }
        table(
            "Start",
            {name: (lambda argv=argv: once(argv, env=CLEAN)) for name, argv in commands.items()},
            rounds)
