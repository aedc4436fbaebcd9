complete("bash", "snakemake", "-W '--cores --jobs --dry-run'")
complete("tcsh", "snakemake", "'p/*/(--cores --jobs --dry-run)/'")
