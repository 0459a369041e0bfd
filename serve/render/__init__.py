"""What a person sees of a scan: terminal, HTML report, CSV and JUnit, all made from the scan document alone."""
