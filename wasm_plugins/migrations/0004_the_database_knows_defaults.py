from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns that were added to tables of the first release: its code goes on inserting rows that do not name them."""

    dependencies = [
        ('wasm_plugins', '0003_jobs_spared_attempts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='plugin',
            name='limits',
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name='limits'),
        ),
        migrations.AlterField(
            model_name='pluginversion',
            name='signing_key',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='signing key'),
        ),
        migrations.AlterField(
            model_name='pluginversion',
            name='trust',
            field=models.CharField(choices=[('unsigned', 'unsigned'), ('signed', 'signed'), ('modified', 'modified after it was signed'), ('revoked', 'signed with a revoked key'), ('unknown', 'signed with an unknown key')], db_default='unsigned', default='unsigned', max_length=16, verbose_name='signature'),
        ),
        migrations.AlterField(
            model_name='taskrun',
            name='used',
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name='used'),
        ),
        migrations.AddField(
            model_name='taskrun',
            name='waited',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='attempts that found the plugin unavailable'),
        ),
    ]
